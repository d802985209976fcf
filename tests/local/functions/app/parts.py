"""Record each call of a function as a note."""

from trestle.app import Again, Change, Context, Event, Job, Request, Response, Retry, entity, secret, send


def note(text: str) -> None:
    entity("notes").create({"text": text})


def changed(change: Change, context: Context) -> None:
    if change.item.get("title") == "poison":
        raise KeyError("poison")
    note(f"{change.kind} {change.item.get('title')}")


def start(request: Request, context: Context) -> Response:
    send("work", request.body)
    return Response(202)


def tell(request: Request, context: Context) -> Response:
    return Response(200, {"secret": secret("stripe")})


def work(job: Job, context: Context) -> Again | None:
    left = job.body.get("left", 0)
    note(f"work {job.body['name']} {left} attempt {job.attempt}")
    if job.body.get("fails", 0) >= job.attempt:
        raise Retry()
    if job.body.get("dies"):
        raise ValueError(job.body["name"])
    return Again({**job.body, "left": left - 1}) if left else None


def tick(job: Job, context: Context) -> None:
    note(f"tick {job.first_at}")


def event(event: Event, context: Context) -> None:
    note(f"event {event.type} {event.detail['bucket']['name']}")
