"""One system for all tests over HTTP, started with local.py as by a user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.local.api import Api
from tests.local.clone import Clone
from tests.local.runner import ROOT, Local, copy_files, read_exports

HERE = Path(__file__).parent
EXAMPLES = ("items", "shop", "vpc-items", "movies", "todos", "notes", "bookings", "tenants")
VAR_FILES = (ROOT / "environments" / "local.tfvars", HERE / "entities.tfvars")


Start = Callable[[str], Future[Local]]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups, even if this file is loaded first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one pytest-xdist worker, since they share a system."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("local"))
            item.add_marker("local")


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A running system. A test that stops or changes it must restore it."""
    stack = Local(tmp_path_factory.mktemp("stack"))
    try:
        yield up(stack, *VAR_FILES)
    finally:
        stack("down")


@pytest.fixture(scope="session")
def items(local: Local) -> Api:
    """The collection of an entity with default options, which requires a key."""
    return local.api("items")


@pytest.fixture(scope="session")
def drafts(local: Local) -> Api:
    """The collection of an entity whose clients choose ids, and whose PUT merges."""
    return Api(local.api("v1/drafts").url, None)


@pytest.fixture(scope="session")
def events(local: Local) -> Api:
    """The collection of an entity without changes and deletions, and with an unordered list."""
    return Api(local.api("events").url, None)


@pytest.fixture
def empty_items(items: Api) -> Api:
    """The collection of items, emptied."""
    while found := items("GET", "?limit=100").json["items"]:
        for item in found:
            items("DELETE", f"/{item['id']}")
    return items


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """A clone in a folder with an unusual name, and an empty AWS account."""
    folder = tmp_path / "my work ü (1)"
    copy_files(folder)
    for backend in (folder / "environments").glob("*.s3.tfbackend"):
        lines = backend.read_text().splitlines(keepends=True)
        backend.write_text("".join(line for line in lines if not line.startswith("bucket")))
    emulator = Local(tmp_path / "local")
    started = emulator("emulator", "--port", str(emulator.port), "--detach")
    try:
        assert started.returncode == 0, started.stderr
        yield Clone(folder, read_exports(started.stdout))
    finally:
        emulator("emulator", "--stop")


@pytest.fixture(scope="module")
def start_example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Return a function that starts an example. The examples of a file's tests start in parallel, two at a time.

    Most of the start is waiting, and tests of one example run while others start.
    """
    stacks: dict[str, Local] = {}
    starts: dict[str, Future[Local]] = {}
    with ThreadPoolExecutor(2) as pool:

        def start(name: str) -> Future[Local]:
            if name not in starts:
                stacks[name] = Local(tmp_path_factory.mktemp(name))
                starts[name] = pool.submit(up, stacks[name], ROOT / "examples" / f"{name}.tfvars")
            return starts[name]

        tests = (item for item in request.session.items if isinstance(item, pytest.Function))
        named = (name.replace("_", "-") for test in tests if test.path == request.path for name in test.fixturenames)
        for name in named:
            if name in EXAMPLES:
                start(name)
        yield start
        for each in starts.values():
            each.cancel()
    for stack in stacks.values():
        stack("down")


def up(stack: Local, *var_files: Path) -> Local:
    """Start the system; return it."""
    done = stack.up(*var_files)
    assert done.returncode == 0, done.stderr
    return stack
