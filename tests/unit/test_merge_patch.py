"""Test merge patches against the algorithm and examples of RFC 7396."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api import Api
from trestle.operations.merge import apply_merge_patch

# RFC 7396, appendix A: original, patch, result.
APPENDIX: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

names = st.sampled_from(["a", "b", "c", "", "a.b", "#0"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, values, max_size=4)


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a patch with the algorithm of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    target = dict(target)
    for name, value in patch.items():
        if value is None:
            if name in target:
                del target[name]
        else:
            target[name] = merge_patch(target.get(name), value)
    return target


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX)
def test_the_examples_of_the_rfc(api: Api, original: Any, patch: Any, result: Any) -> None:
    assert apply_merge_patch(original, patch) == merge_patch(original, patch) == result
    item = api.create({"v": original})
    answer = api.request("PATCH", f"/items/{item['id']}", {"v": patch})
    assert answer.json.get("v") == result
    assert ("v" in answer.json) == (patch is not None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=values, patch=values)
def test_the_algorithm_of_the_rfc(api: Api, target: Any, patch: Any) -> None:
    before = repr((target, patch))
    assert apply_merge_patch(target, patch) == merge_patch(target, patch)
    assert repr((target, patch)) == before


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(original=objects, patch=objects)
def test_the_algorithm_through_the_api(api: Api, original: Any, patch: Any) -> None:
    item = api.create(original)
    answer = api.request("PATCH", f"/items/{item['id']}", patch)
    assert answer.status == 200
    server = {name: item[name] for name in ("id", "createdAt")}
    wanted = {**merge_patch(original, patch), **server, "version": 2, "updatedAt": answer.json["updatedAt"]}
    assert answer.json == wanted
    assert api.request("GET", f"/items/{item['id']}").json == wanted
