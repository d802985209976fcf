"""Use openapi-python-client's client of the todos example. Arguments: its URL and a key."""

from __future__ import annotations

import sys
from typing import TypeVar

from generated import AuthenticatedClient, Client
from generated.api.customers import create_customer, get_customer
from generated.api.todos import (
    create_todo,
    delete_todo,
    get_todo,
    list_todos,
    merge_todo,
    replace_todo,
)
from generated.models import (
    CustomersBody,
    CustomersItem,
    Problem,
    TodosBody,
    TodosItem,
    TodosPage,
    TodosPatch,
)
from generated.types import UNSET, Unset

Kind = TypeVar("Kind")


def expect(kind: type[Kind], found: object) -> Kind:
    """Return the response, after checking its type."""
    assert isinstance(found, kind), found
    return found


def tag(item: TodosItem) -> str:
    """Return the entity tag of a list's item."""
    return f'"{item.created_at:%Y-%m-%dT%H:%M:%S.%fZ}-{item.version}"'


url, key = sys.argv[1:]
client = Client(base_url=url, raise_on_unexpected_status=True)

# Create: the response has defaults, and a property that is not in the schema.
bodies = [TodosBody.from_dict({"title": f"Todo {n}", "note": ["any", {"thing": None}]}) for n in range(5)]
made = [expect(TodosItem, create_todo.sync(client=client, body=body)) for body in bodies]
first = made[0]
assert (first.title, first.description, first.completed, first.version) == ("Todo 0", "", False, 1)
assert first["note"] == ["any", {"thing": None}]
assert get_todo.sync(first.id, client=client) == first
refused = expect(Problem, create_todo.sync(client=client, body=TodosBody(title="")))
assert not isinstance(refused.errors, Unset)
assert [error.pointer for error in refused.errors] == ["/title"]

# Page through a list.
rows: list[TodosItem] = []
pages = 0
cursor: str | Unset = UNSET
while True:
    page = expect(TodosPage, list_todos.sync(client=client, limit=2, cursor=cursor))
    rows, pages = rows + page.items, pages + 1
    if page.next_ is None:
        break
    cursor = page.next_
assert [row for row in rows if row in made] == made
assert pages == (len(rows) + 1) // 2

# Update with the tag of a list's item: a second writer with the same tag loses.
done = replace_todo.sync_detailed(first.id, client=client, body=TodosPatch(completed=True), if_match=tag(first))
replaced = expect(TodosItem, done.parsed)
assert (replaced.title, replaced.completed, replaced.version) == ("Todo 0", True, 2)
assert done.headers["ETag"] == tag(replaced)
lost = merge_todo.sync(first.id, client=client, body=TodosPatch(title="lost"), if_match=tag(first))
assert expect(Problem, lost).status == 412
change = TodosPatch(description=None)
change["note"] = "changed"
merged = expect(TodosItem, merge_todo.sync(first.id, client=client, body=change, if_match=tag(replaced)))
assert (merged.version, merged["note"], "description" in merged.to_dict()) == (3, "changed", False)
assert get_todo.sync(first.id, client=client) == merged

# Filter.
completed = expect(TodosPage, list_todos.sync(client=client, completed=True)).items
assert [item for item in completed if item.id == first.id] == [merged]
since = list_todos.sync(client=client, completed=False, created_at_gte=made[2].created_at)
assert [item for item in expect(TodosPage, since).items if item in made] == made[2:]

# Delete.
for item in (merged, *made[1:]):
    assert delete_todo.sync_detailed(item.id, client=client, if_match=tag(item)).status_code == 204
assert expect(Problem, get_todo.sync(first.id, client=client)).status == 404

# Customers require a key.
ada = CustomersBody(first_name="Ada", last_name="Lovelace", email="ada@example.com")
keyless = AuthenticatedClient(base_url=url, token="none", prefix="", auth_header_name="X-Api-Key")
assert expect(Problem, create_customer.sync(client=keyless, body=ada)).status == 403
keyed = AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-Api-Key")
customer = expect(CustomersItem, create_customer.sync(client=keyed, body=ada))
assert get_customer.sync(customer.id, client=keyed) == customer
print("done")
