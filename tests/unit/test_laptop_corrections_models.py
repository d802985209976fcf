"""Test that API Gateway's models on the laptop are never stricter than the functions."""

from __future__ import annotations

import copy
import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.test_schema_patterns import COMMON, MEANING, TEXTS
from tools.laptop.corrections import apigateway
from trestle.schema.validation import validate


@pytest.fixture
def is_valid_body(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the emulator's body validator, corrected."""
    service = importlib.import_module("ministack.services.apigateway_v1")
    monkeypatch.setattr(service, "_regex_search", None)
    apigateway.correct_models(service)
    return lambda value, schema: service._json_schema_valid(schema, value, copy.deepcopy(schema))


def test_the_gateway_matches_patterns_as_the_functions_do(is_valid_body: Any) -> None:
    for pattern in (*COMMON, *MEANING):
        schema = {"pattern": pattern}
        for text in (*TEXTS, *"".join(MEANING.get(pattern, ()))):
            assert is_valid_body(text, schema) == (not validate(text, schema)), (pattern, text)


def test_an_unreadable_pattern_refuses_nothing() -> None:
    service = SimpleNamespace()
    apigateway.correct_models(service)
    assert service._regex_search("(", "a") is None
