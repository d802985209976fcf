"""Keep the values of secrets beside the system's data, and write them to the emulated Secrets Manager.

The tfvars name secrets by ARN. For a secret of any account and region, the emulator has one whose name is the ARN.
"""

from __future__ import annotations

import getpass
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.console import ERASE
from tools.errors import UserError
from tools.files import encoding_fault, read_json, write_json
from tools.laptop.emulator import Running, client

LARGEST = 65_536  # bytes, as in Secrets Manager


@dataclass(frozen=True)
class SecretValues:
    """The values of one system's secrets on this machine, by their keys in the tfvars."""

    file: Path

    def known(self) -> dict[str, str]:
        """Return all values by name."""
        values: dict[str, str] = read_json(self.file) or {}
        return values

    def keep(self, name: str, value: str) -> None:
        """Store a value in a file that only its owner can read."""
        write_json(self.file, self.known() | {name: value})

    def put(self, functions: Mapping[str, Any], running: Running) -> list[str]:
        """Write the values to the running system. Return the names of secrets that have none.

        `functions` is as in local.tools of modules/service.
        """
        wanted, known = secrets_of(functions), self.known()
        if not wanted:
            return []
        vault = client("secretsmanager", running)
        missing = []
        for name, arns in wanted.items():
            for arn in arns:
                current = current_value(vault, arn)
                if name in known and current != known[name]:
                    put_value(vault, arn, known[name])
                elif current is None:
                    missing.append(name)
        return sorted({*missing})


def secrets_of(functions: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the ARNs of the secrets that functions may read, by name."""
    found = defaultdict(set)
    for function in functions.values():
        for name, arn in (function.get("secrets") or {}).items():
            found[name].add(arn)
    return {name: sorted(arns) for name, arns in sorted(found.items())}


def current_value(vault: Any, arn: str) -> str | None:
    """Return the value that functions read, or None. A value that is not text becomes the empty text."""
    try:
        return str(vault.get_secret_value(SecretId=arn).get("SecretString", ""))
    except (vault.exceptions.ResourceNotFoundException, vault.exceptions.InvalidRequestException):
        return None


def put_value(vault: Any, arn: str, value: str) -> None:
    """Set a secret's value. Create the secret if it belongs to an AWS account."""
    try:
        vault.put_secret_value(SecretId=arn, SecretString=value)
    except vault.exceptions.ResourceNotFoundException:
        vault.create_secret(Name=arn, SecretString=value)


def advice(missing: list[str]) -> str:
    """Return a sentence about the secrets without a value, or an empty text if there are none."""
    if not missing:
        return ""
    one = len(missing) == 1
    commands = " and ".join(f"`python local.py secret {name}`" for name in missing)
    return (
        f"The secret{'' if one else 's'} {', '.join(missing)} {'has' if one else 'have'} no value yet: run {commands}."
    )


def read_value(name: str) -> str:
    """Return the value that the user types without echo, or pipes in. Raise UserError if it is missing or invalid."""
    if sys.stdin.isatty():
        value = getpass.getpass(f"{ERASE}Value of {name}: ")
    else:
        data = sys.stdin.buffer.read(LARGEST + 2)
        if fault := encoding_fault(data):
            raise UserError(f"The value of {name} {fault}.")
        value = data.decode().removesuffix("\n").removesuffix("\r")
    if not value:
        raise UserError(f"No value was given for {name}: type one, or pipe one in.")
    if len(value.encode()) > LARGEST:
        raise UserError(f"The value of {name} is too large: Secrets Manager's limit is {LARGEST:,} bytes.")
    return value
