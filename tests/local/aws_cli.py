"""The AWS CLI of pages that readers follow: `SERVICE ACTION --option VALUE ...`, by boto3."""

from __future__ import annotations

import sys
from typing import Any

import boto3


def main(service: str, action: str, *options: str) -> None:
    """Call one action. Options are texts, and have the names of the action's parameters."""
    names = ("".join(map(str.capitalize, name.removeprefix("--").split("-"))) for name in options[::2])
    make_client: Any = boto3.client  # typed for each service's literal name
    client = make_client(service)
    getattr(client, action.replace("-", "_"))(**dict(zip(names, options[1::2], strict=True)))


if __name__ == "__main__":
    main(*sys.argv[1:])
