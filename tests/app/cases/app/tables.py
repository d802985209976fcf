"""Reserve a table without overlaps: each hour is an id, which only one reservation can have."""

from __future__ import annotations

from trestle.app import Context, Refuse, Request, Response, transaction


def reserve(request: Request, context: Context) -> Response:
    hours = sorted(set(request.body["hours"]))
    with transaction() as writes:
        for hour in hours:
            writes.create(
                "slots",
                {"name": request.body["name"]},
                id=f"{request.path['id']}.{hour:02}",
                otherwise=Refuse(f"The table is taken at {hour}:00.", status=409, code="taken"),
            )
    return Response(201, {"hours": hours})
