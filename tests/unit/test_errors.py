"""Test the messages about files without permission and about a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tools import errors, terraform
from tools.errors import UserError, user_errors


def run_failing_command(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and output of a command that raises this error."""

    @user_errors
    def command() -> int:
        raise error

    return command(), capsys.readouterr().err


def os_error(number: int, path: Path | None) -> OSError:
    return OSError(number, os.strerror(number), *([str(path)] if path else []))


def test_another_users_file_is_named_with_the_chown_that_fixes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my work" / "state"
    file.parent.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: file.parent.stat().st_uid + 1)
    # The file does not exist yet; its folder belongs to another user.
    code, text = run_failing_command(os_error(errno.EACCES, file), capsys)
    assert code == 1
    assert text == (
        f"{file}: Permission denied. {file.parent} belongs to another user, as after a command with sudo. "
        f"Change its owner, then try again: sudo chown -R \"$(id -u)\" '{file.parent}'\n"
    )


def test_an_own_file_is_named_with_the_chmod_that_fixes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{tmp_path}: Permission denied. Add the permission: chmod -R u+rwX {tmp_path}\n"
    assert run_failing_command(os_error(errno.EACCES, tmp_path), capsys) == (1, text)


@pytest.mark.parametrize("path", ["/data/trestle", "/var/lib/trestle", str(errors.ROOT.parent / "new")])
def test_no_chown_of_a_system_folder_is_suggested(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The file's folder is / or similar; a recursive chown there would break the machine."""
    code, text = run_failing_command(os_error(errno.EACCES, Path(path)), capsys)
    assert code == 1
    assert text.endswith(": name another folder.\n")
    assert "chown" not in text
    assert "chmod" not in text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
@pytest.mark.parametrize("named", [True, False])
def test_a_disk_that_is_full_or_read_only_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int, named: bool
) -> None:
    code, text = run_failing_command(os_error(number, tmp_path if named else None), capsys)
    assert code == 1
    assert (str(tmp_path) in text) is named
    assert text.count("\n") == 1


def test_users_errors_and_interruptions_have_their_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_failing_command(UserError("Write it first.", exit_code=3), capsys) == (3, "Write it first.\n")
    assert run_failing_command(KeyboardInterrupt(), capsys) == (130, "")


def test_internal_errors_keep_their_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (OSError(errno.EBADF, "Bad file descriptor"), PermissionError("no file"), ValueError("x")):
        with pytest.raises(type(error)):
            run_failing_command(error, capsys)


# --- Where sockets are put ---


@pytest.mark.parametrize("folder", ["long", "missing", "file", "relative", "read-only"])
def test_a_temporary_folder_that_cannot_hold_a_socket_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    long = tmp_path / "long" / ("folder" * 20)
    long.mkdir(parents=True)
    (tmp_path / "file").touch()
    named = {"long": long, "file": tmp_path / "file", "relative": Path(), "read-only": Path("/proc")}
    monkeypatch.setenv("TMPDIR", str(named.get(folder, tmp_path / "missing")))
    if folder == "read-only":  # access() says that root may write it
        real = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: not path.startswith("/proc") and real(path, mode))
    used = terraform.temporary_folder()
    assert used in ("/tmp", "/var/tmp", "/dev/shm")
    assert terraform.environment("http://127.0.0.1:1", "us-east-1")["TMPDIR"] == used


def test_a_temporary_folder_that_can_hold_a_socket_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/shm")
    assert terraform.temporary_folder() == "/dev/shm"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="set TMPDIR to a folder that you may write to"):
        terraform.temporary_folder()
