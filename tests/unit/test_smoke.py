"""Test what the smoke test prints if there is no API."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests import smoke


@contextmanager
def answer_once(answer: bytes, received: list[bytes] | None = None) -> Iterator[str]:
    """Respond to one connection with these bytes, and record what it sent; yield the URL."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                request = connection.recv(65536)
                if received is not None:
                    received.append(request)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "no answer (it is not HTTP)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no answer (it is not HTTP)"),
        (
            b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n<html",
            "the answer is not JSON, as of another server: <html",
        ),
    ],
)
def test_another_server_is_not_the_api(capsys: pytest.CaptureFixture[str], answer: bytes, said: str) -> None:
    with answer_once(answer) as url:
        assert smoke.main([url]) == 1
    assert capsys.readouterr().err == f"FAILED after nothing: POST {url}/items: {said}\n"


def test_no_server_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert smoke.main([url]) == 1
    assert capsys.readouterr().err == f"FAILED after nothing: POST {url}/items: no answer (Connection refused)\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://a.example"], "URL must start with https:// or http:// and a host: ftp://a.example"),
        (["http://"], "URL must start with https:// or http:// and a host: http://"),
        (["http://[::1"], "URL must start with https:// or http:// and a host: http://[::1"),
        (["http://a.example:99999"], "URL must start with https:// or http:// and a host: http://a.example:99999"),
        (
            ["https://a.example", "--client-key", "k"],
            "--client-key is the key of a certificate: name that, too, by --client-cert",
        ),
        (
            ["https://a.example", "--client-cert", "/nowhere.pem"],
            "--client-cert /nowhere.pem: no certificate with its key (No such file or directory)",
        ),
        (["http://a.example", "--body", "{"], '--body is not JSON: write an object, such as {"name": "smoke test"}'),
    ],
)
def test_wrong_arguments_are_named(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        smoke.main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: {said}")


@pytest.mark.parametrize(
    ("arguments", "variable", "sent"),
    [
        ([], "of-the-variable", "of-the-variable"),
        (["--api-key", "given"], "of-the-variable", "given"),
        ([], None, None),
    ],
)
def test_the_key_comes_from_the_environment_or_the_command_line(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str | None, sent: str | None
) -> None:
    monkeypatch.delenv("TRESTLE_API_KEY", raising=False)
    if variable:
        monkeypatch.setenv("TRESTLE_API_KEY", variable)
    received: list[bytes] = []
    with answer_once(b"", received) as url:
        assert smoke.main([url, *arguments]) == 1
    headers = dict(line.split(": ", 1) for line in received[0].decode().split("\r\n\r\n")[0].splitlines()[1:])
    assert {name.lower(): value for name, value in headers.items()}.get("x-api-key") == sent
