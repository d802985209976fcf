"""Every committed system is priced completely, and the documents show production's cost."""

from __future__ import annotations

import json
import re

import pytest

from tests.plan import inventory
from tests.plan.planner import ROOT, Plan
from tools.aws import cost

pytestmark = pytest.mark.xdist_group("environments")  # one worker makes the plans these tests share

TABLE = json.loads(cost.PRICES.read_text())
SHOWN = "make cost ENV=prod REQUESTS=10000000"


@pytest.mark.parametrize("name", sorted(inventory.VAR_FILES))
def test_no_type_is_without_a_price(var_files: dict[str, Plan], name: str) -> None:
    estimate = cost.Estimate(var_files[name].alone, 1_000_000, TABLE)
    assert not estimate.unknown_types(), "write them into tools/aws/prices.json: monthly, by_use or free"
    assert sum(line.by_request for line in estimate.lines()) > 5


def test_the_documents_show_what_production_costs(var_files: dict[str, Plan]) -> None:
    page = (ROOT / "docs" / "explanation" / "costs.md").read_text(encoding="utf-8")
    shown = re.search(rf"```console\n\$ {SHOWN}\n(.*?)\n```", page, re.DOTALL)
    file = inventory.VAR_FILES["prod"]
    report = cost.Estimate(var_files["prod"].alone, 10_000_000, TABLE).report(file)
    assert shown
    assert shown[1] == report, f"docs/explanation/costs.md shows other costs: let it show what `{SHOWN}` says."
    fixed, per_million = re.findall(r"^total +([\d.]+) +([\d.]+) ", report, re.MULTILINE)[0]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"costs ${fixed} a month" in readme
    assert f"${per_million} for each million requests" in readme
