"""Use openapi-generator's client of the todos example. Arguments: its URL and a key."""

from __future__ import annotations

import sys
from collections.abc import Callable

from generated import (
    ApiClient,
    ApiException,
    Configuration,
    CustomersApi,
    CustomersBody,
    Problem,
    TodosApi,
    TodosBody,
    TodosItem,
    TodosPatch,
)


def tag(item: TodosItem) -> str:
    """Return the entity tag of a list's item."""
    return f'"{item.created_at:%Y-%m-%dT%H:%M:%S.%fZ}-{item.version}"'


def refusal(call: Callable[[], object]) -> ApiException:
    """Return the error of a refused call."""
    try:
        call()
    except ApiException as error:
        return error
    raise AssertionError("the call was not refused")


url, key = sys.argv[1:]
client = ApiClient(Configuration(host=url))
todos = TodosApi(client)
bodies = [TodosBody.from_dict({"title": f"Todo {n}", "note": f"note {n}"}) for n in range(5)]
made = [todos.create_todo(body) for body in bodies if body is not None]
first = made[0]
assert (first.title, first.completed, first.description, first.version) == ("Todo 0", False, "", 1)
assert first.additional_properties == {"note": "note 0"}
assert todos.get_todo(first.id) == first
assert todos.get_todo(first.id, if_match=tag(first)) == first

rows: list[TodosItem] = []
cursor: str | None = None
while True:
    page = todos.list_todos(limit=2, cursor=cursor)
    rows, cursor = rows + page.items, page.next
    if cursor is None:
        break
assert [row for row in rows if row in made] == made

replaced = todos.replace_todo(first.id, TodosPatch(completed=True), if_match=tag(rows[rows.index(first)]))
assert (replaced.title, replaced.completed, replaced.version) == ("Todo 0", True, 2)
assert replaced.additional_properties == {"note": "note 0"}
lost = refusal(lambda: todos.merge_todo(first.id, TodosPatch(title="Lost"), if_match=tag(first)))
assert lost.status == 412
assert isinstance(lost.data, Problem)
assert lost.data.type == "urn:trestle:problem:precondition-failed"
merged = todos.merge_todo(first.id, TodosPatch(description=None, additional_properties={"note": "changed"}))
assert (merged.description, merged.additional_properties) == (None, {"note": "changed"})
assert "description" not in merged.to_dict()
assert [item for item in todos.list_todos(completed=True).items if item.id == first.id] == [merged]
since = todos.list_todos(completed=False, created_at_gte=first.created_at.date().isoformat()).items
assert [item for item in since if item in made] == made[1:]
for item in [merged, *made[1:]]:
    todos.delete_todo(item.id, if_match=tag(item))
assert refusal(lambda: todos.get_todo(first.id)).status == 404

keyed = CustomersApi(ApiClient(Configuration(host=url, api_key={"api_key": key})))
ada = keyed.create_customer(CustomersBody(firstName="Ada", lastName="Lovelace", email="ada@example.com"))
assert keyed.get_customer(ada.id) == ada
print("done")
