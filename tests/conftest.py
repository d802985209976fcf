"""What several kinds of test share: one build, one emulator a worker, each plan made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plan.planner import Planner, planning


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker by which `make test` leaves out what only `make verify` runs."""
    config.addinivalue_line("markers", "slow: takes a minute or more, run by `make verify` alone")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all pytest-xdist workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def planner(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    """Plans the root configuration: `planner("environments/dev.tfvars")`, `planner(name=...)`."""
    with planning(tmp_path_factory.mktemp("planner"), shared) as planner:
        yield planner
