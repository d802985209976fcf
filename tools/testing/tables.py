"""Read the tables of a system in moto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def backend() -> Any:
    """Return the moto backend of the functions' client."""
    from moto.dynamodb.models import dynamodb_backends

    from trestle.store.boto3_client import shared_client

    return dynamodb_backends["123456789012"][shared_client().meta.region_name]


def records_of(table: str) -> Iterator[Mapping[str, Any]]:
    """Yield the current records of a table."""
    for item in backend().tables[table].all_items():
        yield item.to_json()["Attributes"]
