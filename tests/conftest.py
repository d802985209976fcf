"""What several kinds of test share: one build, one emulator a worker, each plan made once."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.plan.planner import Planner, start_planner

# Variables by which the place where the tests are started would change what they see: Terraform's and AWS's
# settings, the output's colours and width, the repository of a git hook, and the make that runs them.
# Proxies stay, since set-up needs them, and are not asked for this machine.
FOREIGN = re.compile(
    r"(AWS|GIT|MAKE|TF)_.*|MAKEFLAGS|MAKELEVEL|MFLAGS|CDPATH|CI|COLUMNS|LINES|NO_COLOR|.*FORCE_COLOR|CLICOLOR"
    r"|L(ANG|C_.*)|PYTHON(PATH|SAFEPATH|WARNINGS)|TRESTLE_LOCAL_DIR|TZ"
    r"|ARGS|DETACH|ENTITY|ENV|FILE|PORT|PY|PYTHON|REQUESTS|SMOKE|WORKERS|WRITE"  # of our own Makefile
)
SLOW_LIMIT = 1800  # seconds
# The fixture `system`, for users' tests in tests/app/.
pytest_plugins = ["trestle.testing"]
UNIT = Path(__file__).parent / "unit"
FIXED = {"LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1,localhost", "TERM": "dumb", "TZ": "UTC"}


def pytest_configure(config: pytest.Config) -> None:
    """Make the surroundings the same wherever the tests are started, and declare our marker."""
    for name in filter(FOREIGN.fullmatch, list(os.environ)):
        # Of Terraform's settings, where its providers are is a matter of the machine.
        if name != "TF_CLI_CONFIG_FILE":
            del os.environ[name]
    os.environ.update(FIXED, no_proxy=FIXED["NO_PROXY"])
    time.tzset()
    os.umask(0o022)
    # A shell's background job ignores Ctrl-C, and its children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The machine's pace fails no test.
    settings.register_profile("trestle", deadline=None)
    settings.load_profile("trestle")
    config.addinivalue_line("markers", "slow: takes a minute or more, run by `make verify` alone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests time for a busy machine: their limit only ends a hang."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage by the unit tests alone: while it is traced, Python is half as fast."""
    if UNIT in item.path.parents:
        return (yield)
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(trace)


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
    with start_planner(tmp_path_factory.mktemp("planner"), shared) as planner:
        yield planner
