"""Transactions of many clients at once, and of one whose responses are lost, on the laptop's emulator.

The unit tests' emulator loses updates under concurrency and ignores the token of a transaction. Here each request
is also checked against AWS's model of it.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from tests.independent import claims
from tests.independent.claims import BOOKINGS, NIGHTS, ROOMS, new
from tests.independent.servers import ProxiedAws, proxied_ministack
from tests.plan.planner import REGION, ROOT
from tests.unit.loopback import Request, Server
from trestle.context import Context
from trestle.errors import TooLarge
from trestle.store import boto3_client, dynamodb
from trestle.store.check import presence
from trestle.store.delete import deletion
from trestle.store.get import get
from trestle.store.put import creation
from trestle.store.transaction import commit
from trestle.store.update import patching, replacement
from trestle.store.writes import Cancelled, Write

pytestmark = pytest.mark.slow

CLIENTS = 24
ROUNDS = 10
KEYS = json.loads((ROOT / "tests" / "unit" / "table.json").read_text())
ENTITIES = (NIGHTS, BOOKINGS, ROOMS)
AWS = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedAws]:
    """The emulator, behind the proxy that checks each request."""
    with proxied_ministack(tmp_path_factory.mktemp("proxied_ministack")) as proxy:
        yield proxy
        assert proxy.faults() == []
        assert "dynamodb:TransactWriteItems" in {request["operation"] for request in proxy.requests()}


@pytest.fixture
def client(proxy: ProxiedAws) -> Iterator[Any]:
    """DynamoDB's client, with an empty table for each entity."""
    client = proxy.client("dynamodb")
    for entity in ENTITIES:
        client.create_table(TableName=entity.table, **KEYS)
    yield client
    for entity in ENTITIES:
        client.delete_table(TableName=entity.table)


def stored(client: Any) -> dict[str, tuple[str, Any]]:
    """The version and the object of each record of the three tables, by its key."""
    records = [record for entity in ENTITIES for record in client.scan(TableName=entity.table)["Items"]]
    return {record["id"]["S"]: (record["version"]["N"], record["doc"]["M"]) for record in records}


# --- Many at once ---


class Clients:
    """Processes that do the same at the same time."""

    def __init__(self, stack: ExitStack, endpoint: str) -> None:
        environment = {**os.environ, **AWS, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": str(ROOT / "lambda_src")}
        self.processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", claims.__name__, str(number)],
                    cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )
            for number in range(CLIENTS)
        ]  # fmt: skip
        for process in self.processes:
            stack.callback(process.kill)
        self.answers()  # each is ready

    def answers(self) -> list[Any]:
        """Return the next response of each."""
        return [json.loads(process.stdout.readline()) for process in self.processes if process.stdout]

    def ask(self, task: str, name: str) -> list[Any]:
        """Send the same line to all at once, and return their responses."""
        for process in self.processes:
            assert process.stdin
            process.stdin.write(json.dumps({task: name}) + "\n")
        for process in self.processes:
            assert process.stdin
            process.stdin.flush()
        return self.answers()


@pytest.fixture
def clients(proxy: ProxiedAws) -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(stack, proxy.endpoint)


@pytest.fixture
def here(proxy: ProxiedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is a client, too."""
    for name, value in {**AWS, "AWS_ENDPOINT_URL": proxy.endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(dynamodb, "_connections", {})
    boto3_client.shared_client.cache_clear()
    yield
    boto3_client.shared_client.cache_clear()
    for connection in dynamodb._connections.values():
        connection.close()


@pytest.mark.usefixtures("here")
def test_one_of_many_clients_claims_an_id(client: Any, clients: Clients) -> None:
    """The other transactions have left nothing: no booking, and no mark on the room."""
    commit(Context(), [creation(ROOMS, "", new("room"))])
    winners = {}
    for number in range(ROUNDS):
        night = f"night{number}"
        answers = clients.ask("claim", night)
        (winners[night],) = [index for index, answer in enumerate(answers) if answer["won"]]
        lost = [answer for answer in answers if not answer["won"]]
        assert lost == (CLIENTS - 1) * [{"won": False, "index": 2, "met": night}]
    records = stored(client)
    version, marks = records.pop("room")
    assert version == str(1 + ROUNDS)
    assert set(marks) == {f"by{winner}" for winner in winners.values()}
    nights = {night: ("1", {"by": {"N": str(winner)}}) for night, winner in winners.items()}
    bookings = {f"{night}-{winner}": ("1", {"night": {"S": night}}) for night, winner in winners.items()}
    assert records == nights | bookings


@pytest.mark.usefixtures("here")
def test_no_update_of_many_clients_is_lost(client: Any, clients: Clients) -> None:
    for number in range(ROUNDS // 2):
        counter = f"counter{number}"
        commit(Context(), [creation(ROOMS, "", new(counter, n=0))])
        clients.ask("count", counter)
        assert get(ROOMS, Context(), counter).doc == {"n": CLIENTS}
        assert get(ROOMS, Context(), counter).version == 1 + CLIENTS
        assert sum(key.startswith(f"{counter}-") for key in stored(client)) == CLIENTS


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("task", "bookings"), [("update", 0), ("open", CLIENTS)])
def test_no_update_of_many_functions_is_lost(client: Any, clients: Clients, task: str, bookings: int) -> None:
    counter = f"counted-by-{task}"
    commit(Context(), [creation(ROOMS, "", new(counter, n=0))])
    clients.ask(task, counter)
    assert get(ROOMS, Context(), counter).doc == {"n": CLIENTS}
    assert get(ROOMS, Context(), counter).version == 1 + CLIENTS
    assert sum(key.startswith(f"{counter}-") for key in stored(client)) == bookings


# --- Lost responses ---


class Losing:
    """A proxy that forwards requests and loses the responses to some requests of an action.

    before, after: functions that run before and after the next requests are carried out. Each may raise Lost, and
    the client then gets no response.
    """

    class Lost(Exception):  # noqa: N818 - an outcome
        """No answer."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.removeprefix("http://")
        self.server = Server(self.forward)
        self.before: list[Callable[[], None]] = []
        self.after: list[Callable[[], None]] = []
        self.bodies: list[bytes] = []

    def forward(self, connected: Any, request: Request) -> bool:
        """Carry out a request."""
        self.bodies.append(request.body)
        try:
            if self.before:
                self.before.pop(0)()
            connection = http.client.HTTPConnection(self.upstream, timeout=60)
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if self.after:
                self.after.pop(0)()
        except self.Lost:
            return False
        head = f"HTTP/1.1 {answer.status} Something\r\ncontent-length: {len(content)}\r\n\r\n"
        connected.sendall(head.encode() + content)
        return True


def lose() -> None:
    """Lose the response."""
    raise Losing.Lost


@pytest.fixture(params=["signed", "boto3"])
def losing(
    request: pytest.FixtureRequest, proxy: ProxiedAws, here: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Losing]:
    """This process's connection to the emulator, for each transport."""
    losing = Losing(proxy.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", losing.server.url)
    monkeypatch.setenv("DYNAMODB_CLIENT", request.param)
    with losing.server:
        yield losing


def prepare(*names: str) -> None:
    for name in names:
        commit(Context(), [creation(ROOMS, "", new(name, n=1))])


def every_action() -> list[Write]:
    return [
        creation(BOOKINGS, "", new("made", n=1)),
        replacement(ROOMS, "", "old", {"n": 2}, [get(ROOMS, Context(), "old").state]),
        patching(ROOMS, "", "old2", {"m": 3}, None),
        deletion(ROOMS, "", "gone", [get(ROOMS, Context(), "gone").state]),
        presence(ROOMS, "", "there"),
    ]


N1, N2, M3 = {"n": {"N": "1"}}, {"n": {"N": "2"}}, {"m": {"N": "3"}}
AFTER = {"made": ("1", N1), "old": ("2", N2), "old2": ("2", {**N1, **M3}), "there": ("1", N1)}
WAYS: list[tuple[str, Sequence[Callable[[], None]]]] = [("after", [lose]), ("after", [lose, lose]), ("before", [lose])]


@pytest.mark.parametrize(("when", "faults"), WAYS)
def test_a_transaction_counts_once(client: Any, losing: Losing, when: str, faults: list[Callable[[], None]]) -> None:
    prepare("old", "old2", "gone", "there")
    writes = every_action()
    losing.bodies.clear()
    setattr(losing, when, list(faults))
    commit(Context(), writes)
    assert stored(client) == AFTER
    assert len(losing.bodies) == len(faults) + 1
    assert len({json.loads(body)["ClientRequestToken"] for body in losing.bodies}) == 1


@pytest.mark.parametrize(("when", "faults"), WAYS)
def test_deletions_alone_count_once(client: Any, losing: Losing, when: str, faults: list[Callable[[], None]]) -> None:
    prepare("a", "b", "there")
    setattr(losing, when, list(faults))
    commit(Context(), [deletion(ROOMS, "", "a", None), deletion(ROOMS, "", "b", None), presence(ROOMS, "", "there")])
    assert stored(client) == {"there": ("1", N1)}


@pytest.mark.parametrize(("when", "faults"), WAYS)
def test_single_writes_count_once(client: Any, losing: Losing, when: str, faults: list[Callable[[], None]]) -> None:
    prepare("old", "old2", "gone", "there")
    for write in every_action()[:4]:
        setattr(losing, when, list(faults))
        commit(Context(), [write])
    assert stored(client) == AFTER


def test_what_others_write_meanwhile_is_left_alone(client: Any, losing: Losing) -> None:
    """The token identifies a retry even if no record is as the first attempt left it.

    Without the token this transaction could be carried out twice.
    """
    prepare("old", "gone", "there")
    theirs = {"version": {"N": "7"}, "doc": {"M": {"theirs": {"BOOL": True}}}}

    def overtake() -> None:
        client.delete_item(TableName=BOOKINGS.table, Key={"id": {"S": "made"}})
        for name in ("old", "gone"):
            client.put_item(TableName=ROOMS.table, Item={"id": {"S": name}, **theirs})
        lose()

    losing.after = [overtake]
    commit(
        Context(),
        [
            creation(BOOKINGS, "", new("made", n=1)),
            replacement(ROOMS, "", "old", {"n": 2}, None),
            deletion(ROOMS, "", "gone", None),
            presence(ROOMS, "", "there"),
        ],
    )
    left = ("7", {"theirs": {"BOOL": True}})
    assert stored(client) == {"old": left, "gone": left, "there": ("1", N1)}


def test_a_transaction_that_failed_stays_failed(client: Any, losing: Losing) -> None:
    prepare("gone")
    losing.after = [lose]
    with pytest.raises(Cancelled) as caught:
        commit(Context(), [deletion(ROOMS, "", "gone", None), presence(ROOMS, "", "none")])
    assert caught.value.index == 1
    assert stored(client) == {"gone": ("1", N1)}


# --- Sizes ---


@pytest.mark.usefixtures("here")
def test_what_is_too_large_changes_nothing(client: Any) -> None:
    prepare("old")
    grown = patching(ROOMS, "", "old", {"t": "x" * 410_000}, None)
    made = creation(ROOMS, "", new("new", t="x" * 410_000))
    for large in (grown, made):
        with pytest.raises(TooLarge, match="400 KB"):
            commit(Context(), [creation(BOOKINGS, "", new("a")), large])
    with pytest.raises(TooLarge, match="4 MB"):
        commit(Context(), [creation(ROOMS, "", new(f"part{number}", t="x" * 390_000)) for number in range(11)])
    assert stored(client) == {"old": ("1", N1)}
