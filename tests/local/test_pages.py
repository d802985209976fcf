"""Test lists, page by page, as a client follows them."""

from __future__ import annotations

import pytest

from tests.local.api import Answer, Api


def follow_pages(api: Api, query: str) -> list[Answer]:
    """Yield all pages from the first to the last by their Link headers."""
    found = [api("GET", query)]
    while url := found[-1].next:
        found.append(api("GET", url))
    assert all(page.status == 200 for page in found)
    return found


def test_an_empty_list_is_one_page(empty_items: Api) -> None:
    answer = empty_items("GET")
    assert answer.json == {"items": [], "count": 0, "next": None}
    assert answer.next is None


@pytest.mark.parametrize(("order", "expected"), [("asc", list(range(7))), ("desc", list(range(6, -1, -1)))])
def test_pages_are_full_and_end_exactly_at_the_end(empty_items: Api, order: str, expected: list[int]) -> None:
    made = {empty_items.create({"n": n}).json["id"] for n in range(7)}
    for limit, counts in ((3, [3, 3, 1]), (7, [7]), (6, [6, 1])):
        found = follow_pages(empty_items, f"?limit={limit}&order={order}")
        assert [page.json["count"] for page in found] == counts
        assert [len(page.json["items"]) for page in found] == counts
        assert [page.json["next"] is None for page in found] == [False] * (len(counts) - 1) + [True]
        listed = [item for page in found for item in page.json["items"]]
        assert [item["n"] for item in listed] == expected
        assert {item["id"] for item in listed} == made


def test_a_page_holds_25_by_default(empty_items: Api) -> None:
    for n in range(26):
        empty_items.create({"n": n})
    assert [page.json["count"] for page in follow_pages(empty_items, "")] == [25, 1]


def test_a_page_ends_at_a_megabyte(empty_items: Api) -> None:
    for n in range(5):
        empty_items.create({"n": n, "text": "x" * 350_000})
    found = follow_pages(empty_items, "?limit=100")
    assert len(found) > 1
    assert all(page.json["count"] for page in found)
    assert [item["n"] for page in found for item in page.json["items"]] == list(range(5))


def test_the_list_has_complete_items(empty_items: Api) -> None:
    made = empty_items.create({"a": {"b": None}})
    changed = empty_items("PATCH", made.location, {"c": 1}).json
    assert empty_items("GET").json["items"] == [changed]


def test_fields_select_properties(empty_items: Api) -> None:
    made = empty_items.create({"a": 1, "b": 2}).json
    listed = empty_items("GET", "?fields=b,version,nothing").json["items"]
    assert listed == [{"id": made["id"], "b": 2, "version": 1}]


def test_a_deletion_between_two_pages_skips_no_item(empty_items: Api) -> None:
    made = [empty_items.create({"n": n}) for n in range(4)]
    first = empty_items("GET", "?limit=2")
    assert empty_items("DELETE", made[1].location).status == 204
    assert first.next
    assert [item["n"] for item in empty_items("GET", first.next).json["items"]] == [2, 3]


def test_a_list_without_an_order_has_every_item_once(events: Api) -> None:
    made = {events.create({"n": n}).json["id"] for n in range(7)}
    listed = [item["id"] for page in follow_pages(events, "?limit=2") for item in page.json["items"]]
    assert len(listed) == len(set(listed))
    assert made <= set(listed)
    problem = events("GET", "?order=desc").problem(400, "invalid-request")
    assert problem["errors"][0]["parameter"] == "order"
