"""Serve the data of the console's first page: the requests of the last hour, and the live versions."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tools.laptop.corrections import Params
from tools.laptop.corrections.apigateway import REQUEST

# A path of the console's origin, for GET only. It returns no data of items or callers.
PATH = "/activity.json"
HOUR = 60  # minutes


class Activity:
    """Counts requests by minute and route. A restart of the emulator resets the counts."""

    def __init__(self, lambdas: Any, clock: Callable[[], float] = time.time) -> None:
        self._lambdas = lambdas
        self._clock = clock
        self._began = clock()
        # By minute since the epoch: the number of outcomes of each route, as "METHOD /path".
        self._minutes: dict[int, Counter[tuple[str, str]]] = {}

    def count(self, route: str, status: int) -> None:
        """Count a response."""
        minute = int(self._clock() // 60)
        self._forget(minute)
        counter = self._minutes.setdefault(minute, Counter())
        counter[route, "requests"] += 1
        if status >= 400:
            counter[route, "failed" if status >= 500 else "refused"] += 1

    def summary(self) -> Params:
        """Return {"since", "routes", "functions"}.

        `since` is the time of the first count (RFC 3339). `routes` has, by "METHOD /path", the numbers of `requests`,
        of those that were `refused` (4xx), and of those that `failed` (5xx). `functions` has each function's name and
        live version.
        """
        minute = int(self._clock() // 60)
        self._forget(minute)
        routes: dict[str, dict[str, int]] = {}
        for counter in self._minutes.values():
            for (route, outcome), number in counter.items():
                counts = routes.setdefault(route, {"requests": 0, "refused": 0, "failed": 0})
                counts[outcome] += number
        since = datetime.fromtimestamp(max(self._began, (minute - HOUR + 1) * 60), UTC)
        return {
            "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "routes": dict(sorted(routes.items())),
            "functions": live_versions(self._lambdas),
        }

    def _forget(self, minute: int) -> None:
        for old in [each for each in self._minutes if each <= minute - HOUR]:
            del self._minutes[old]


def live_versions(lambdas: Any) -> list[Params]:
    """Return {"name", "version", "canary"} of each function with an alias `live`, by name.

    canary: the version in a canary, as {"version", "weight"}, or None.
    """
    found = []
    for (_account, _region, name), function in lambdas._functions.all_items():
        if alias := function.get("aliases", {}).get("live"):
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            canary = [{"version": version, "weight": weight} for version, weight in weights.items()]
            found.append({"name": name, "version": alias["FunctionVersion"], "canary": canary[0] if canary else None})
    return sorted(found, key=lambda each: str(each["name"]))


def correct(v1: Any, activity: Activity) -> None:
    """Count the responses of ministack.services.apigateway_v1, since the emulator writes no metrics."""
    execute = v1.handle_execute

    async def execute_and_count(api: str, stage: str, method: str, *call: Any) -> Any:
        answer = await execute(api, stage, method, *call)
        path = REQUEST.get({}).get("resource_path", "")
        # Browsers send preflight requests on their own.
        if path and method != "OPTIONS":
            activity.count(f"{method} {path}", answer[0] if isinstance(answer, tuple) else 200)
        return answer

    v1.handle_execute = execute_and_count


def serve(app: Any, cloudfront: Any, activity: Activity) -> Any:
    """Wrap the server: serve PATH at the console's origin, where only the console's own pages can read it."""

    async def answer(scope: Params, receive: Any, send: Any) -> None:
        asked = scope["type"], scope.get("method"), scope.get("path")
        host = dict(scope.get("headers", ())).get(b"host", b"").decode("latin-1")
        consoles = [distribution["DomainName"] for distribution in cloudfront._distributions.values()]
        if asked != ("http", "GET", PATH) or host not in consoles:
            await app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(activity.summary()).encode()})

    return answer
