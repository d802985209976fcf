"""Estimate what an environment costs a month: fixed costs, and costs per request.

`make cost ENV=prod REQUESTS=10000000` plans the var-file against the emulator, so that it needs no
account, and prices the plan with tools/aws/prices.json. The estimate assumes a mix of requests and
omits free tiers.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import tfvars
from tools.console import print_lines, table_row
from tools.contract import OPERATIONS
from tools.dist import build_functions
from tools.errors import UserError
from tools.laptop.planning import plan_without_aws

PRICES = Path(__file__).with_name("prices.json")
HOURS = 730  # in a month
SECONDS = HOURS * 3600
MILLION = 1_000_000
KB_OF_GB = 1024 * 1024
# API Gateway's metrics of each method: Count, Latency, IntegrationLatency, 4XXError, 5XXError.
METRICS_OF_A_METHOD = 5
# The functions' regular metrics of each operation and of each own function: Requests, Latency,
# ColdStarts.
METRICS_OF_AN_OPERATION = 3
# DynamoDB requests a table's key every five minutes for each caller.
KEY_REQUESTS = SECONDS / 300
# Lambda polls each queue with five pollers, every 20 seconds while the queue is empty.
POLLS_OF_A_QUEUE = 5 * SECONDS / 20
# A function in use reads a secret every five minutes. This assumes one execution environment,
# always in use.
READS_OF_A_SECRET = SECONDS / 300
# X-Ray's default rule traces the first request of each second, and this share of the others.
TRACED = 0.05
# The operations that make up each share of the requests, if the entity has them.
SHARES = {
    share: tuple(name for name, each in OPERATIONS.items() if each["workload"] == share)
    for share in ("reads", "lists", "writes")
}

Values = Mapping[str, Any]


@dataclass(frozen=True)
class CostLine:
    """Dollars a month: fixed, and for all requests."""

    label: str
    fixed: float = 0.0
    by_request: float = 0.0


@dataclass(frozen=True)
class Resource:
    """A planned resource: its type, its name in its module, and its known values."""

    kind: str
    name: str
    values: Values


class Estimate:
    """The costs of one plan, as `terraform show -json` prints it, for a number of requests a month."""

    def __init__(self, plan: Values, requests: int, table: Values) -> None:
        self.requests = requests
        self.table = table
        self.price: dict[str, float] = table["prices"]
        self.assumed: dict[str, Any] = table["assumed"]
        self.region: str = plan["variables"].get("region", {}).get("value") or table["region"]
        values = plan["planned_values"]
        own: dict[str, Values] = plan["variables"].get("functions", {}).get("value") or {}
        self.own_functions = own
        self.outputs = {name: each.get("value") for name, each in values.get("outputs", {}).items()}
        self.resources = [
            Resource(each["type"], each["name"], each["values"])
            for each in flatten(values["root_module"])
            if each["mode"] == "managed"
        ]
        self.counts = Counter(each.kind for each in self.resources)

    def values_of(self, kind: str) -> list[Values]:
        """Return the values of the resources of a type."""
        return [each.values for each in self.resources if each.kind == kind]

    @property
    def operations(self) -> dict[str, dict[str, str]]:
        """Return function names by entity and operation, for the entities that have operations."""
        found: dict[str, dict[str, str]] = self.outputs["function_names"]
        return {entity: names for entity, names in found.items() if names}

    def requests_of(self, entity: str, share: str) -> float:
        """Return the number of requests for an entity's reads, lists or writes.

        Entities with operations get equally many. If an entity lacks operations, its others get
        their share.
        """
        if entity not in self.operations:
            return 0
        weights = {
            name: self.assumed[name]
            for name, operations in SHARES.items()
            if any(operation in self.operations[entity] for operation in operations)
        }
        part: float = weights.get(share, 0) / sum(weights.values())
        return self.requests / len(self.operations) * part

    def lines(self) -> list[CostLine]:
        """Return every line with a cost."""
        builders: list[Callable[[], Iterator[CostLine]]] = [
            self.gateway, self.functions, self.tables, self.logs, self.monitoring, self.others,
        ]  # fmt: skip
        return [line for lines in builders for line in lines() if line.fixed or line.by_request]

    def gateway(self) -> Iterator[CostLine]:
        """Yield the costs of API Gateway, of the firewall, and of data transfer."""
        millions = self.requests / MILLION
        if self.values_of("aws_api_gateway_stage"):
            yield CostLine("API Gateway: requests", 0, millions * self.price["api_gateway_million_requests"])
            if self.is_private():
                yield CostLine("Data through VPC endpoints", 0, self.gb_out() * self.price["transfer_gb_inside"])
            else:
                yield CostLine("Data transfer to the internet", 0, self.gb_out() * self.price["transfer_gb_out"])
        for acl in self.values_of("aws_wafv2_web_acl"):
            fixed = self.price["waf_acl"] + len(acl.get("rule", ())) * self.price["waf_rule"]
            yield CostLine("WAF: web ACL, rules, requests", fixed, millions * self.price["waf_million_requests"])

    def is_private(self) -> bool:
        """Return whether the API is private."""
        settings = [
            each for api in self.values_of("aws_api_gateway_rest_api") for each in api["endpoint_configuration"]
        ]
        return any(each.get("types") == ["PRIVATE"] for each in settings)

    def gb_out(self) -> float:
        """Return the GB of all responses."""
        item, head = self.assumed["item_kb"], self.assumed["response_head_kb"]
        pages = sum(self.requests_of(entity, "lists") for entity in self.operations)
        items = pages * self.assumed["items_of_a_list"] + self.requests - pages
        kb: float = self.requests * head + items * item
        return kb / KB_OF_GB

    def functions(self) -> Iterator[CostLine]:
        """Yield the costs of Lambda. Every request invokes its operation's function."""
        functions = {each["function_name"]: each for each in self.values_of("aws_lambda_function")}
        if not functions:
            return
        millions = self.requests / MILLION
        yield CostLine("Lambda: requests", 0, millions * self.price["lambda_million_requests"])
        seconds = 0.0
        for entity, names in self.operations.items():
            for share, operations in SHARES.items():
                used = [functions[names[each]] for each in operations if each in names]
                size = sum(each["memory_size"] for each in used) / max(len(used), 1) / 1024
                seconds += self.requests_of(entity, share) * size * self.assumed["function_ms"] / 1000
        yield CostLine(
            f"Lambda: {self.assumed['function_ms']} ms a request", 0, seconds * self.price["lambda_gb_second"]
        )
        if authorizer := functions.get(self.outputs.get("authorizer_name")):
            verified = self.verified_tokens()
            seconds = verified * authorizer["memory_size"] / 1024 * self.assumed["authorizer_ms"] / 1000
            price = verified / MILLION * self.price["lambda_million_requests"]
            yield CostLine("Lambda: verifying tokens", 0, price + seconds * self.price["lambda_gb_second"])
        kept = sum(each["memory_size"] / 1024 for each in functions.values() if each.get("snap_start"))
        yield CostLine("Lambda: snapshots (SnapStart)", kept * SECONDS * self.price["lambda_snap_start_gb_second"])

    def verified_tokens(self) -> float:
        """Return how often the authorizer verifies a token: once in the five minutes of the gateway's cache.

        All methods with a function get equally many requests.
        """
        methods = [each for each in self.resources if each.kind == "aws_api_gateway_method" and each.name == "route"]
        asking = sum(each.values["authorization"] == "CUSTOM" for each in methods)
        if not asking:
            return 0
        verified: float = self.requests * asking / len(methods) / self.assumed["requests_of_a_token"]
        return verified

    def tables(self) -> Iterator[CostLine]:
        """Yield the costs of DynamoDB: requests as in docs/reference/request-costs.md, and storage."""
        tables = {each["name"]: each for each in self.values_of("aws_dynamodb_table")}
        names: dict[str, str] = self.outputs.get("table_names") or {}
        reads = writes = stored = kept = 0.0
        item, share = self.assumed["item_kb"], self.assumed["stored_gb"] / max(len(tables), 1)
        page = math.ceil(item * self.assumed["items_of_a_list"] / 4) / 2  # eventually consistent
        for entity, name in names.items():
            copies = 1 + len(tables[name].get("global_secondary_index", ()))
            reads += self.requests_of(entity, "reads") * math.ceil(item / 4)
            reads += self.requests_of(entity, "lists") * page
            writes += self.requests_of(entity, "writes") * math.ceil(item) * copies
            stored += share * copies
            kept += share * any(each.get("enabled") for each in tables[name].get("point_in_time_recovery", ()))
        yield CostLine("DynamoDB: reads", 0, reads / MILLION * self.price["dynamodb_million_reads"])
        yield CostLine("DynamoDB: writes, with indexes", 0, writes / MILLION * self.price["dynamodb_million_writes"])
        label = f"DynamoDB: {self.assumed['stored_gb']} GB and its indexes"
        yield CostLine(label, stored * self.price["dynamodb_gb"])
        yield CostLine("DynamoDB: point-in-time recovery", kept * self.price["dynamodb_pitr_gb"])
        for _ in self.values_of("aws_cloudtrail"):
            price = self.price["cloudtrail_million_data_events"]
            yield CostLine("CloudTrail: events of tables", 0, self.requests / MILLION * price)

    def logs(self) -> Iterator[CostLine]:
        """Yield the costs of CloudWatch Logs: ingestion, and storage for the whole retention."""
        if not self.values_of("aws_cloudwatch_log_group"):
            return
        kb = (
            self.requests * sum(self.assumed["log_kb"].values())
            + self.verified_tokens() * self.assumed["log_kb"]["function"]
        )
        gb = kb / KB_OF_GB
        yield CostLine("CloudWatch Logs: ingestion", 0, gb * self.price["logs_gb_in"])
        days = max(each.get("retention_in_days") or 0 for each in self.values_of("aws_cloudwatch_log_group"))
        kept = gb * days * 24 / HOURS * self.assumed["log_compression"]
        yield CostLine(f"CloudWatch Logs: storage, {days} days", 0, kept * self.price["logs_gb_kept"])

    def monitoring(self) -> Iterator[CostLine]:
        """Yield the costs of alarms, traces, and metrics, which cost only in hours with requests."""
        operations = sum(len(each) for each in self.operations.values())
        routes = sum(len(each.get("routes") or ()) for each in self.own_functions.values())
        settings = [one for each in self.values_of("aws_api_gateway_method_settings") for one in each["settings"]]
        if self.requests and any(each.get("metrics_enabled") for each in settings):
            count = (operations + routes) * METRICS_OF_A_METHOD
            yield CostLine(f"CloudWatch: {count} metrics of the gateway", count * self.price["cloudwatch_metric"])
        if self.requests and any(map(has_metrics, self.values_of("aws_lambda_function"))):
            count = (operations + len(self.own_functions)) * METRICS_OF_AN_OPERATION
            yield CostLine(f"CloudWatch: {count} metrics of the functions", count * self.price["cloudwatch_metric"])
        count = sum(map(metrics_of, self.values_of("aws_cloudwatch_metric_alarm")))
        yield CostLine(f"CloudWatch: alarms on {count} metrics", count * self.price["cloudwatch_alarm_metric"])
        if any(each.get("xray_tracing_enabled") for each in self.values_of("aws_api_gateway_stage")):
            # Evenly spread requests cause the most traces.
            firsts = min(self.requests, SECONDS)
            traces = firsts + (self.requests - firsts) * TRACED
            yield CostLine("X-Ray: traces, at most", 0, traces / MILLION * self.price["xray_million_traces"])

    def others(self) -> Iterator[CostLine]:
        """Yield the costs of resources by the month, and of other requests."""
        for kind, (label, price) in self.table["monthly"].items():
            yield CostLine(label, self.counts[kind] * price)
        # An existing key's owner pays for the key, this account for the requests.
        if self.counts["aws_kms_key"] or any(each.get("kms_key_arn") for each in self.values_of("aws_lambda_function")):
            asked = self.counts["aws_lambda_function"] * KEY_REQUESTS / MILLION
            yield CostLine("KMS: requests", asked * self.price["kms_million_requests"])
        # Lambda reads streams free of charge.
        queues = sum(each.get("batch_size") == 1 for each in self.values_of("aws_lambda_event_source_mapping"))
        polls = queues * POLLS_OF_A_QUEUE / MILLION
        yield CostLine("SQS: polling for jobs, at most", polls * self.price["sqs_million_requests"])
        secrets = sum(len(each.get("secrets") or ()) for each in self.own_functions.values())
        reads = secrets * READS_OF_A_SECRET / MILLION
        yield CostLine("Secrets Manager: reads", reads * self.price["secrets_million_reads"])
        zones = sum(each.kind == "aws_subnet" and each.name == "private" for each in self.resources)
        endpoints = sum(each.get("vpc_endpoint_type") == "Interface" for each in self.values_of("aws_vpc_endpoint"))
        hours = endpoints * zones * HOURS
        yield CostLine("VPC: interface endpoints", hours * self.price["interface_endpoint_hour"])
        flows = [each.get("allowed_oauth_flows") or () for each in self.values_of("aws_cognito_user_pool_client")]
        machines = sum("client_credentials" in each for each in flows)
        yield CostLine("Cognito: machine clients", machines * self.price["cognito_machine_client"])

    def by_use(self) -> list[str]:
        """Return the costs by a use that does not follow from the requests."""
        return [f"{kind}: {text}." for kind, text in self.table["by_use"].items() if self.counts[kind]]

    def unknown_types(self) -> list[str]:
        """Return the types that the price file does not know."""
        table = self.table
        known = {*table["monthly"], *table["computed"], *table["by_use"], *table["free"]}
        return sorted(self.counts.keys() - known)

    def report(self, title: str) -> str:
        """Return the estimate as text."""
        lines, table, assumed = self.lines(), self.table, self.assumed
        wide = max(len(line.label) for line in [*lines, CostLine("")]) + 2
        head = (
            f"{title}, {self.requests:,} requests a month: "
            f"dollars a month, prices of {table['region']}, {table['date']}."
        )
        widths = (wide, -10, -14, -12)
        rows = [table_row(("", "fixed", "per million", "total"), widths)]
        total = CostLine("total", sum(line.fixed for line in lines), sum(line.by_request for line in lines))
        for line in (*lines, total):
            if line is total:
                rows.append("-" * (wide + 36))
            rate = line.by_request / self.requests * MILLION if self.requests else 0.0
            amounts = (line.fixed, rate, line.fixed + line.by_request)
            rows.append(table_row((line.label, *(f"{amount:.2f}" for amount in amounts)), widths))
        notes = [
            f"Assumed: of {sum(assumed[share] for share in SHARES)} requests, {assumed['reads']} get an item, "
            f"{assumed['lists']} list {assumed['items_of_a_list']} items and {assumed['writes']} write an item, "
            f"each of {assumed['item_kb']} KB, equally many for each entity; without free tiers, discounts and taxes."
        ]
        if self.outputs.get("authorizer_name"):
            each = assumed["requests_of_a_token"]
            notes.append(
                f"A caller with a JWT sends {each} requests in the five minutes for which API Gateway caches a token."
            )
        if self.region not in table["same_in"]:
            notes.append(f"Prices of {self.region} differ, by up to a third.")
        if any(each.get("routes") for each in self.own_functions.values()):
            notes.append(
                "Requests for your own routes cost as much as requests for operations; add the time of your own code."
            )
        if by_use := self.by_use():
            notes += ["Not in the table, priced by use:", *(f"  {each}" for each in by_use)]
        if unknown := self.unknown_types():
            notes.append(f"Without a price in tools/aws/prices.json: {', '.join(unknown)}.")
        return "\n".join([head, "", *rows, "", *notes])


def flatten(module: Values) -> Iterator[dict[str, Any]]:
    """Yield the resources of a module and of the modules inside it."""
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from flatten(child)


def has_metrics(function: Values) -> bool:
    """Return whether a function writes metrics into its log."""
    return any(each["variables"].get("METRICS_NAMESPACE") for each in function.get("environment") or ())


def metrics_of(alarm: Values) -> int:
    """Return the number of metrics of an alarm: those of its expressions, or one."""
    return sum(bool(each.get("metric")) for each in alarm.get("metric_query") or ()) or 1


def cost(options: argparse.Namespace) -> int:
    """Print the estimate; return the exit code."""
    var_files = list(options.var_files or ())
    if options.env:
        var_files[:0] = [Path("environments", f"{options.env}.tfvars")]
    elif not var_files:
        raise UserError("Name the environment: make cost ENV=dev", exit_code=2)
    for var_file in var_files:
        if not var_file.exists():
            raise UserError(f"There is no var-file {var_file}: name an existing one.")
    build_functions(options.progress)
    plan = plan_without_aws(tfvars.all_var_files([var_file.absolute() for var_file in var_files]))
    table = json.loads(PRICES.read_text(encoding="utf-8"))
    print_lines([Estimate(plan, options.requests, table).report(" and ".join(map(str, var_files)))])
    return 0
