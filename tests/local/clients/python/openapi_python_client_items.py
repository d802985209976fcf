"""Use openapi-python-client's client of the items example. Arguments: its URL and a key."""

from __future__ import annotations

import sys

from generated import Client
from generated.api.items import create_item, delete_item, get_item, list_items
from generated.models import ItemsBody, ItemsItem, ItemsPage, Problem
from generated.types import UNSET, Unset

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
own = {"id": "pen-httpx", "name": "pen", "parts": [{"ink": "blue"}, None], "completed": "maybe"}
body = ItemsBody.from_dict(own)
assert body.to_dict() == own
made = create_item.sync(client=client, body=body)
assert isinstance(made, ItemsItem)
assert {name: value for name, value in made.to_dict().items() if name in own} == own
assert set(made.to_dict()) - set(own) == {"createdAt", "updatedAt", "version"}
assert get_item.sync(made.id, client=client) == made
other = create_item.sync(client=client, body=ItemsBody.from_dict({"name": "ink"}))
assert isinstance(other, ItemsItem)

rows: list[ItemsItem] = []
cursor: str | Unset = UNSET
while True:
    page = list_items.sync(client=client, limit=1, cursor=cursor)
    assert isinstance(page, ItemsPage)
    rows += page.items
    if page.next_ is None:
        break
    cursor = page.next_
assert [row for row in rows if row in (made, other)] == [made, other]
for item in (made, other):
    tag = f'"{item.created_at:%Y-%m-%dT%H:%M:%S.%fZ}-{item.version}"'
    assert delete_item.sync_detailed(item.id, client=client, if_match=tag).status_code == 204
gone = get_item.sync(made.id, client=client)
assert isinstance(gone, Problem)
assert gone.status == 404
print("done")
