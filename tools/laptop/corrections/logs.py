"""Correct CloudWatch Logs: saved queries and searches."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from tools.laptop.corrections import Params

LARGEST_PAGE = 10_000  # log lines in one response


def correct(logs: Any) -> None:
    """Correct ministack.services.cloudwatch_logs."""
    correct_saved_queries(logs)
    correct_log_search(logs)


def correct_saved_queries(logs: Any) -> None:
    """Correct aws_cloudwatch_query_definition: the emulator does not have it."""
    handle_request = logs.handle_request
    own = "queryDefinitionId"  # stored among the running queries, and so saved with them

    async def handle_with_saved_queries(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if not action.endswith(("QueryDefinition", "QueryDefinitions")):
            return await handle_request(method, path, headers, body, query)
        sent = json.loads(body)
        if action == "DescribeQueryDefinitions":
            prefix = sent.get("queryDefinitionNamePrefix", "")
            found = [q for q in logs._queries.values() if own in q and q["name"].startswith(prefix)]
            return logs.json_response({"queryDefinitions": found})
        if action == "DeleteQueryDefinition":
            return logs.json_response({"success": logs._queries.pop(sent[own], None) is not None})
        name = sent.setdefault(own, str(uuid.uuid4()))
        logs._queries[name] = sent | {"lastModified": int(time.time() * 1000)}
        return logs.json_response({own: name})

    logs.handle_request = handle_with_saved_queries


def correct_log_search(logs: Any) -> None:
    """Correct FilterLogEvents: prefixes of streams are ignored, and lines beyond the largest page are lost."""
    filter_log_events = logs._filter_log_events

    def filter_by_prefix_and_page(data: Params) -> Any:
        # The token holds the time of the page's first line, and how many lines of that time have been returned.
        start, _, count = data.get("nextToken", "").partition(":")
        told = int(count or 0)
        limit = min(data.get("limit", LARGEST_PAGE) + told, LARGEST_PAGE)
        wanted = data | {"limit": limit} | ({"startTime": int(start)} if start else {})
        if prefix := data.get("logStreamNamePrefix"):
            streams = logs._log_groups.get(data["logGroupName"], {"streams": ()})["streams"]
            # An empty list means all streams.
            wanted["logStreamNames"] = [each for each in list(streams) if each.startswith(prefix)] or [""]
        status, headers, body = filter_log_events(wanted)
        if status != 200:
            return status, headers, body
        found = json.loads(body)
        page = found["events"]
        if len(page) == limit:
            last = page[-1]["timestamp"]
            found["nextToken"] = f"{last}:{sum(line['timestamp'] == last for line in page)}"
        return logs.json_response(found | {"events": page[told:]})

    logs._filter_log_events = filter_by_prefix_and_page
