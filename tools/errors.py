"""Errors that the user can fix, each as one sentence with the remedy."""

from __future__ import annotations

import errno
import functools
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from tools.console import drop_output, print_note

ROOT = Path(__file__).resolve().parent.parent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class UserError(Exception):
    """An error that is printed as one sentence with the remedy, without a traceback."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def user_errors(command: Callable[Parameters, Result]) -> Callable[Parameters, Result | int]:
    """Make a command end with one sentence and an exit code on errors that the user can fix."""

    @functools.wraps(command)
    def decorated(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result | int:
        try:
            return command(*arguments, **named)
        except UserError as error:
            print_note(str(error))
            return error.exit_code
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            # The reader has closed the pipe, as `head` does.
            drop_output()
            return 141
        except OSError as error:
            if sentence := sentence_for(error):
                print_note(sentence)
                return 1
            raise

    return decorated


def sentence_for(error: OSError) -> str | None:
    """Return a message for an unusable file or a full disk, or None for any other error."""
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"The disk is full{f' ({path})' if path else ''}: free some space, then try again."
    if error.errno == errno.EROFS:
        return f"{path or 'The file system'} is read-only: work in a folder that you can write to."
    if path is None or error.errno not in (errno.EACCES, errno.EPERM):
        return None
    for place in (path, *path.absolute().parents):
        if os.path.lexists(place):
            return f"{path}: {error.strerror}. {permission_remedy(place)}"
    return None


def explain_os_error(error: OSError) -> str:
    """Return a message for any error of the operating system in the local run."""
    if said := sentence_for(error):
        return said
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    if error.errno == errno.ENOENT and not error.filename:
        return "The current folder does not exist any more: change to another one."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{what}. Move that file, or set TRESTLE_LOCAL_DIR to another folder."
    return f"{what}."


def permission_remedy(place: Path) -> str:
    """Return how to get access to a file or folder."""
    try:
        owner = place.lstat().st_uid
    except OSError:  # in a folder that this user may not search
        return permission_remedy(place.parent)
    if not place.is_relative_to(ROOT) and (len(place.parts) <= 3 or ROOT.is_relative_to(place)):
        # Such as / or /var/lib: a recursive chown or chmod there would break the machine.
        return f"You may not write in {place}: name another folder."
    if owner == os.getuid():
        return f"Add the permission: chmod -R u+rwX {shlex.quote(str(place))}"
    return (
        f"{place} belongs to another user, as after a command with sudo. Change its owner, then try again: "
        f'sudo chown -R "$(id -u)" {shlex.quote(str(place))}'
    )
