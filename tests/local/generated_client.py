"""Runs with a client that openapi-python-client made of the todos example: `generated_client.py URL KEY`."""

# mypy: ignore-errors
# The client does not exist before the test.

from __future__ import annotations

import sys
import uuid

from todos_client import AuthenticatedClient, Client
from todos_client.api.customers import create_customer, get_customer
from todos_client.api.todos import (
    create_todo,
    delete_todo,
    get_todo,
    list_todos,
    merge_todo,
    replace_todo,
)
from todos_client.models import (
    CustomersBody,
    CustomersItem,
    Problem,
    TodosBody,
    TodosItem,
    TodosPage,
    TodosPatch,
)

url, key = sys.argv[1:]
client = Client(base_url=url, raise_on_unexpected_status=True)

# Create: defaults come back, in types of the client's own.
ours = [f"{uuid.uuid4().hex} {n}" for n in range(5)]
made = [create_todo.sync_detailed(client=client, body=TodosBody(title=title)) for title in ours]
assert all(answer.status_code == 201 and isinstance(answer.parsed, TodosItem) for answer in made)
assert (made[0].parsed.description, made[0].parsed.completed, made[0].parsed.version) == ("", False, 1)
refused = create_todo.sync(client=client, body=TodosBody(title=""))
assert isinstance(refused, Problem)
assert [error.pointer for error in refused.errors] == ["/title"]

# Page.
titles, pages, following = [], 0, {}
while True:
    page = list_todos.sync(client=client, limit=2, **following)
    assert isinstance(page, TodosPage)
    titles, pages = titles + [item.title for item in page.items], pages + 1
    if page.next_ is None:
        break
    following = {"cursor": page.next_}
assert [title for title in titles if title in ours] == ours
assert pages == (len(titles) + 1) // 2

# Update with the entity tag: the second writer with the same tag loses.
place, tag = made[0].parsed.id, made[0].headers["ETag"]
done = replace_todo.sync_detailed(place, client=client, body=TodosPatch(completed=True), if_match=tag)
assert (done.parsed.title, done.parsed.completed, done.parsed.version) == (ours[0], True, 2)
lost = merge_todo.sync_detailed(place, client=client, body=TodosPatch(title="lost"), if_match=tag)
assert (lost.status_code, lost.parsed.status) == (412, 412)
changed = merge_todo.sync_detailed(
    place, client=client, body=TodosPatch(description=None), if_match=done.headers["ETag"]
)
assert changed.parsed.version == 3
assert "description" not in changed.parsed.to_dict()
assert place in [item.id for item in list_todos.sync(client=client, completed=True).items]
assert get_todo.sync(place, client=client) == changed.parsed

# Delete.
assert delete_todo.sync_detailed(place, client=client).status_code == 204
assert get_todo.sync(place, client=client).status == 404

# Customers ask for a key.
ada = CustomersBody(first_name="Ada", last_name="Lovelace", email="ada@example.com")
assert create_customer.sync(client=client, body=ada).status == 403
keyed = AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-Api-Key")
customer = create_customer.sync(client=keyed, body=ada)
assert isinstance(customer, CustomersItem)
assert get_customer.sync(customer.id, client=keyed) == customer
print("The generated client created, paged, updated and deleted.")
