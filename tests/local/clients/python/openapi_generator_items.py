"""Use openapi-generator's client of the items example. Arguments: its URL and a key."""

from __future__ import annotations

import sys
from collections.abc import Callable

from generated import ApiClient, ApiException, Configuration, ItemsApi, ItemsBody, ItemsItem


def refusal(call: Callable[[], object]) -> ApiException:
    """Return the error of a refused call."""
    try:
        call()
    except ApiException as error:
        return error
    raise AssertionError("the call was not refused")


items = ItemsApi(ApiClient(Configuration(host=sys.argv[1])))
own = {"id": "pen-python", "name": "pen", "parts": [{"ink": "blue"}, None], "completed": "maybe"}
body = ItemsBody.from_dict(own)
assert body is not None
assert body.to_dict() == own
made = items.create_item(body)
assert {name: value for name, value in made.to_dict().items() if name in own} == own
assert set(made.to_dict()) - set(own) == {"createdAt", "updatedAt", "version"}
assert items.get_item(made.id) == made
other = items.create_item(ItemsBody(additional_properties={"name": "ink"}))

rows: list[ItemsItem] = []
cursor: str | None = None
while True:
    page = items.list_items(limit=1, cursor=cursor)
    rows, cursor = rows + page.items, page.next
    if cursor is None:
        break
assert [row for row in rows if row in (made, other)] == [made, other]
for item in (made, other):
    items.delete_item(item.id, if_match=f'"{item.created_at:%Y-%m-%dT%H:%M:%S.%fZ}-{item.version}"')
assert refusal(lambda: items.get_item(made.id)).status == 404
print("done")
