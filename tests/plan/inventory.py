"""Compare plans with partial inventories, and regenerate the inventories.

An inventory lists some of a plan's values, and ignores the rest:

    {"values": {"module.table[\"items\"].aws_dynamodb_table.this": {"billing_mode": "PAY_PER_REQUEST"}},
     "counts": {"aws_nat_gateway": 1, "aws_cognito_user_pool": 0},
     "outputs": {"vpc_id": "(known after apply)"}}

A map lists some of its keys, and a list all of its elements. If the plan has a string of JSON, the inventory
may list the string's content.
`python -m tests.plan.inventory dev vpc-items` renews the values and keeps the selection of listed things.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.plan.planner import ROOT, Plan, Planner, Values, start_planner
from tools import tfvars

FOLDER = Path(__file__).with_name("inventories")
ABSENT = "(not in the plan)"
UNCOUNTED = {"aws_s3_object"}  # the web console's files, which change with the console

VAR_FILES = {
    f.stem: str(f.relative_to(ROOT)) for d in ("environments", "examples") for f in sorted((ROOT / d).glob("*.tfvars"))
}
# These are planned by the root, as users do. The others are instances of modules/service in one
# plan, which takes half the time. tools/reference.py ensures that the root passes every variable
# on.
BY_THE_ROOT = ("dev", "prod")


class VarFiles(dict[str, Plan]):
    """The plan of each committed var-file by its name. Each group is planned when the first of its plans is used."""

    def __init__(self, planner: Planner) -> None:
        super().__init__()
        self.planner = planner

    def __missing__(self, name: str) -> Plan:
        if name in BY_THE_ROOT:
            self[name] = self.planner(VAR_FILES[name])
        else:
            self.update(
                self.planner.systems("var-files", {n: var_file_values(n) for n in VAR_FILES if n not in BY_THE_ROOT})
            )
        return self[name]


def var_file_values(name: str) -> Values:
    """Return the variables of a var-file. Null is not the default of `network`, unlike that of others."""
    values = tfvars.read(ROOT / VAR_FILES[name])
    assert values, f"{VAR_FILES[name]} cannot be read"
    return {"network": tfvars.default("network"), **values}


def differences(plan: Plan, inventory: Values) -> list[str]:
    """Return a line for each difference between the plan and the inventory."""
    found = {"values": plan.resources, "counts": counts(plan, inventory), "outputs": plan.outputs}
    return [line for part, listed in inventory.items() for line in compare(part, found[part], listed)]


def counts(plan: Plan, inventory: Values) -> dict[str, int]:
    """Return the plan's counts, with 0 for types that only the inventory lists."""
    kinds = plan.counts.keys() | inventory.get("counts", {}).keys()
    return {kind: plan.counts[kind] for kind in kinds - UNCOUNTED}


def compare(where: str, found: Any, listed: Any) -> Iterator[str]:
    """Yield a line for each difference below one place."""
    found = decode_json(found, listed)
    if isinstance(found, dict) and isinstance(listed, dict):
        for key, value in listed.items():
            yield from compare(f"{where} > {key}", found.get(key, ABSENT), value)
    elif isinstance(found, list) and isinstance(listed, list) and len(found) == len(listed):
        for i, (one, other) in enumerate(zip(found, listed, strict=True)):
            yield from compare(f"{where} > {i}", one, other)
    elif found != listed or isinstance(found, bool) != isinstance(listed, bool):
        yield f"{where}: planned {json.dumps(found)}, listed {json.dumps(listed)}"


def decode_json(found: Any, listed: Any) -> Any:
    """Return the content of a string of JSON if the inventory lists an object or a list, otherwise the value."""
    if isinstance(found, str) and isinstance(listed, dict | list):
        try:
            return json.loads(found)
        except ValueError:
            return found
    return found


def renew_values(found: Any, listed: Any) -> Any:
    """Return the found values in the shape of the listed ones, without those that no longer exist."""
    found = decode_json(found, listed)
    if isinstance(found, dict) and isinstance(listed, dict):
        return {k: renew_values(found[k], v) for k, v in listed.items() if k in found}
    if isinstance(found, list) and isinstance(listed, list) and len(found) == len(listed):
        return [renew_values(one, other) for one, other in zip(found, listed, strict=True)]
    return found


def regenerate(plan: Plan, inventory: Values) -> Values:
    """Return the inventory with the plan's values, and counts of every type in the plan."""
    return {
        "values": renew_values(plan.resources, inventory.get("values", {})),
        "counts": dict(sorted(counts(plan, inventory).items())),
        "outputs": renew_values(plan.outputs, inventory.get("outputs", plan.outputs)),
    }


def load(name: str) -> Values:
    """Return an inventory by name, empty if it does not exist yet."""
    file = FOLDER / f"{name}.json"
    inventory: Values = json.loads(file.read_text()) if file.exists() else {}
    return inventory


def main(names: list[str]) -> None:
    """Regenerate the inventories, all unless names are given."""
    if unknown := set(names) - VAR_FILES.keys():
        sys.exit(f"No var-file is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(VAR_FILES))}.")
    with tempfile.TemporaryDirectory() as folder, start_planner(Path(folder)) as planner:
        plans = VarFiles(planner)
        for name in names or sorted(VAR_FILES):
            inventory = regenerate(plans[name], load(name))
            (FOLDER / f"{name}.json").write_text(json.dumps(inventory, indent=2) + "\n")
            print(f"{FOLDER.relative_to(ROOT)}/{name}.json", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
