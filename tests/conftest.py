"""Fixtures for all kinds of tests: one build, one emulator per worker, and each plan made once."""

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

# Variables that would change results: settings of Terraform and AWS, colours and width of output,
# the repository of a git hook, and variables of a calling make. Proxies stay, since set-up needs
# them, but are not used for this machine.
FOREIGN = re.compile(
    r"(AWS|GIT|MAKE|TF)_.*|MAKEFLAGS|MAKELEVEL|MFLAGS|CDPATH|CI|COLUMNS|LINES|NO_COLOR|.*FORCE_COLOR|CLICOLOR"
    r"|L(ANG|C_.*)|PYTHON(PATH|SAFEPATH|WARNINGS)|TRESTLE_LOCAL_DIR|TZ"
    r"|ARGS|DETACH|ENTITY|ENV|FILE|PORT|PY|PYTHON|REQUESTS|SMOKE|WORKERS|WRITE"  # of this repository's Makefile
)
SLOW_LIMIT = 1800  # seconds
# The fixture `system` for tests in tests/app/.
pytest_plugins = ["trestle.testing"]
UNIT = Path(__file__).parent / "unit"
FIXED = {"LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1,localhost", "TERM": "dumb", "TZ": "UTC"}


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests the same environment everywhere, and declare the marker."""
    for name in filter(FOREIGN.fullmatch, list(os.environ)):
        # Of Terraform's settings, keep the machine's location of providers.
        if name != "TF_CLI_CONFIG_FILE":
            del os.environ[name]
    os.environ.update(FIXED, no_proxy=FIXED["NO_PROXY"])
    time.tzset()
    os.umask(0o022)
    # A shell's background jobs ignore Ctrl-C, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A slow machine must not fail a test.
    settings.register_profile("trestle", deadline=None)
    settings.load_profile("trestle")
    config.addinivalue_line("markers", "slow: takes a minute or more, run by `make verify` alone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests enough time for a busy machine; their limit only ends a hang."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage only in unit tests, since traced Python is half as fast."""
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
    """A folder shared by all pytest-xdist workers of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def planner(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    """Return plans of the root configuration: `planner("environments/dev.tfvars")`, `planner(name=...)`."""
    with start_planner(tmp_path_factory.mktemp("planner"), shared) as planner:
        yield planner
