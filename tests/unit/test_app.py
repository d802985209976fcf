"""Test trestle.app: what own code may construct, and that the reference documents all of it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.testing.functions import LAMBDA_SRC
from trestle import app

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "app.md").read_text(encoding="utf-8")


def names_of(value: Any) -> set[str]:
    """Return the names of a function's or method's parameters."""
    return {name for name in inspect.signature(value).parameters if name not in ("self", "properties")}


@pytest.mark.parametrize("name", app.__all__)
def test_the_reference_names_each_public_name_and_parameter(name: str) -> None:
    value = getattr(app, name)
    assert value.__doc__
    assert re.search(rf"`{name}\b|### {name}\n", REFERENCE)
    if not isinstance(value, type):
        assert f"`{name}({', '.join(_written(value))})`" in REFERENCE
        return
    assert f"`{name}({', '.join(_written(value))})`" in REFERENCE or name in ("Entity", "Transaction", *OUTCOMES)
    members = {member for member in dir(value) if member[0] != "_" and member not in dir(_base(value))}
    for member in members:
        assert re.search(rf"`{member}\b", REFERENCE), member
        if callable(getattr(value, member)) and member in vars(value):
            for parameter in names_of(getattr(value, member)):
                assert re.search(rf"\b{parameter}\b", REFERENCE), parameter
            assert f"`{member}({', '.join(_written(getattr(value, member)))})`" in REFERENCE
    for parameter in names_of(value):
        assert re.search(rf"\b{parameter}\b", REFERENCE), parameter


OUTCOMES = ("Changed", "Invalid", "NotFound", "Taken", "Unavailable")


def _base(value: type) -> type:
    """Return the first base class from another module."""
    return next(each for each in value.__mro__[1:] if each.__module__ != app.__name__)


def _written(value: Any) -> list[str]:
    """Return the parameters of a signature as the reference writes them."""
    found: list[str] = []
    for name, parameter in inspect.signature(value).parameters.items():
        if name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in found:
            found.append("*")
        default = parameter.default
        shown = "" if default is parameter.empty else f"={_shown(default)}"
        found.append(f"{name}{shown}")
    return found


def _shown(default: Any) -> str:
    return f'"{default}"' if isinstance(default, str) else repr(default)


@pytest.mark.parametrize("after", [-1, 43_001, 1.5, True, "5"])
def test_a_retry_waits_whole_seconds_and_no_longer_than_a_queue_can(after: Any) -> None:
    with pytest.raises(ValueError, match=r"Use whole seconds, 0 to 43000\."):
        app.Retry(after=after)
    assert [app.Retry(after=each).after for each in (None, 0, 43_000)] == [None, 0, 43_000]


def test_outcomes_are_written_with_their_parameters() -> None:
    for name in OUTCOMES:
        parameters = [each.partition("=")[0] for each in _written(getattr(app, name))]
        assert f"`{name}({', '.join(parameters).replace('faults', 'faults=()')})`" in REFERENCE


def test_importing_it_costs_no_cold_start() -> None:
    """Loads only modules that every function loads anyway, and none that add milliseconds to a cold start."""
    code = "import sys; before = set(sys.modules); import trestle.app; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(LAMBDA_SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["__future__", "trestle", "trestle.app", "trestle.clock", "trestle.errors"]


def test_tests_can_construct_values() -> None:
    draft = app.Draft({"a": 1}, id="x")
    assert (draft, draft.id, sorted(draft.changed)) == ({"a": 1}, "x", ["a"])
    assert app.Draft({"a": 1, "b": 2}, changed=["b"]).changed == {"b"}
    assert (app.Draft(), app.Draft().changed, app.Draft().owner) == ({}, frozenset(), "")
    assert app.Draft(owner="ada").owner == "ada"
    item = app.Item({"n": 1}, id="x", owner="ada", version=3, created_at="t1", updated_at="t2")
    assert (item["n"], item.id, item.owner, item.version, item.etag) == (1, "x", "ada", 3, '"t1-3"')
    assert (item.created_at, item.updated_at) == ("t1", "t2")
    caller = app.Caller("user", "ada", owner="ada", groups=["a"], scopes=["s"], claims={"sub": "ada"})
    assert (caller.kind, caller.id, caller.owner) == ("user", "ada", "ada")
    assert (sorted(caller.groups), sorted(caller.scopes), caller.claims["sub"]) == (["a"], ["s"], "ada")
    assert (app.Caller().kind, app.Caller().groups, app.Caller().claims) == ("anonymous", frozenset(), {})
    context = app.Context(caller=caller, now="2026-01-01T00:00:00.000000Z", seconds=5)
    assert (context.caller, context.now[:4]) == (caller, "2026")
    assert 4 < context.seconds_left() <= 5
    assert app.Context(seconds=-1).seconds_left() == 0
    assert len(app.Context().now) == 27
    page = app.Page([item], "next")
    assert (page.items, page.next, app.Page().items) == ([item], "next", [])


def test_a_transaction_in_tests_records_its_writes() -> None:
    transaction = app.Context().transaction
    assert transaction.create("nights", {"n": 1}, "a", otherwise=app.Refuse("No.")) == "a"
    assert transaction.create("nights", {}) == "new-2"
    transaction.merge("rooms", "r", {"n": 2})
    transaction.delete(app.Entity("rooms"), "s", if_match='"t-1"')
    transaction.check("rooms", "t")
    assert transaction.writes == [
        ("create", "nights", "a", {"n": 1}),
        ("create", "nights", None, {}),
        ("merge", "rooms", "r", {"n": 2}),
        ("delete", "rooms", "s", None),
        ("check", "rooms", "t", None),
    ]


def test_a_draft_refuses_floats_wherever_they_come_from() -> None:
    draft = app.Draft({"a": 1})
    with pytest.raises(TypeError, match="/price is a float"):
        app.Draft({"price": 1.5})
    with pytest.raises(TypeError, match="/a is a float"):
        draft["a"] = 1.5
    with pytest.raises(TypeError, match="/b/0/c is a float"):
        draft.update({"b": [{"c": 1.5}]})
    with pytest.raises(TypeError, match="/b is a float"):
        draft.setdefault("b", 1.5)
    draft |= {"b": 2}
    assert (draft, draft.setdefault("b", 3), type(draft)) == ({"a": 1, "b": 2}, 2, app.Draft)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"detail": ""}, "detail is ''. Write one sentence"),
        ({"detail": None}, "detail is None. Write one sentence"),
        ({"status": 401}, "status is 401. Use any 4xx except 401, or 502 or 503."),
        ({"status": 200}, "status is 200"),
        ({"status": 399}, "status is 399"),
        ({"status": 500}, "status is 500"),
        ({"status": 504}, "status is 504"),
        ({"status": "409"}, "status is 409"),
        ({"code": ""}, "code is ''"),
        ({"code": "Sold Out"}, "code is 'Sold Out'"),
        ({"code": None}, "code is None"),
        ({"pointer": "price"}, "pointer is 'price'. Use a JSON pointer"),
        ({"pointer": 5}, "pointer is 5. Use a JSON pointer"),
        ({"pointer": "/\ud800"}, "contains a lone surrogate"),
        ({"detail": "\ud800"}, "contains a lone surrogate"),
        ({"detail": "x" * 2001}, "has over 2000 characters"),
        ({"pointer": "/" + "x" * 2000}, "has over 2000 characters"),
        ({"retry_after": 1.5}, "retry_after is 1.5. Use whole seconds."),
        ({"retry_after": -1}, "retry_after is -1"),
        ({"retry_after": True}, "retry_after is True"),
    ],
)
def test_refuse_rejects_invalid_arguments(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        app.Refuse(**{"detail": "No.", **arguments})


def test_refuse_accepts_valid_arguments() -> None:
    refuse = app.Refuse("No.", status=409, code="sold-out_2", pointer="", retry_after=0)
    assert (refuse.detail, refuse.status, refuse.code, refuse.retry_after) == ("No.", 409, "sold-out_2", 0)
    assert refuse.faults == [{"pointer": "", "detail": "No."}]
    plain = app.Refuse("No.")
    assert (plain.status, plain.code, plain.retry_after, plain.faults) == (422, "refused", None, [])
    for status in (400, 402, 499, 502, 503):
        assert app.Refuse("No.", status=status).status == status


def test_outcomes_have_a_sentence() -> None:
    for name in OUTCOMES:
        outcome = getattr(app, name)
        assert str(outcome()) == outcome().detail
        assert outcome().detail
        assert outcome("Why.").detail == "Why."
    assert (
        app.Invalid("Why.", [{"pointer": "/a", "detail": "b"}] * 30).faults == [{"pointer": "/a", "detail": "b"}] * 20
    )


def test_functions_outside_a_function_say_that_they_need_trestle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_runtime", None)
    for call in (
        lambda: app.entity("x"),
        lambda: app.secret("x"),
        lambda: app.setting("x"),
        lambda: app.send("x", {}),
        app.transaction,
    ):
        with pytest.raises(RuntimeError, match="works only in code that Trestle runs"):
            call()
