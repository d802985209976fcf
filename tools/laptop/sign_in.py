"""Create users of the system's emulated user pool, and get their tokens."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tools.errors import UserError
from tools.laptop.emulator import Running, client


def token(
    outputs: dict[str, Any],
    running: Running,
    passwords: Path,
    user: str,
    groups: Sequence[str] = (),
    *,
    claims: Mapping[str, str] | None = None,
    keys: Path | None = None,
) -> str:
    """Return an access token of a user. Create the user if needed, and add them to the groups.

    The passwords are random, and kept in a file, since users need them to sign in to the console.
    claims: further claims for this token only. keys: the folder of the keys that the emulated pools sign with.
    """
    pool, app = outputs.get("user_pool_id"), outputs.get("user_pool_client_id")
    if pool is None:
        raise UserError(
            "This system has no user pool: give an operation the access cognito in its tfvars, then run "
            "`python local.py up`."
        )
    if app is None:
        raise UserError(f"The user pool {pool} is in AWS, not on this machine: remove user_pool.arn from the tfvars.")
    cognito = client("cognito-idp", running)
    missing = set(groups) - {found["GroupName"] for found in paginate(cognito, "list_groups", "Groups", pool)}
    if missing:
        raise UserError(
            f"There is no group {sorted(missing)[0]}: add it to user_pool.groups in the tfvars, then run "
            "`python local.py up`."
        )
    try:
        password = ensure_user(cognito, pool, user, passwords)
        for group in groups:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=user, GroupName=group)
        access_token: str = sign_in(cognito, pool, app, user, password)["AccessToken"]
    except ClientError as error:
        said = error.response["Error"]["Message"]
        raise UserError(f"The user pool rejects {user} ({said}): choose another user with --user.") from None
    return add_claims(access_token, claims, keys / f"{pool}-access.pem") if claims and keys else access_token


def add_claims(access_token: str, claims: Mapping[str, str], key_file: Path) -> str:
    """Return a token with further claims, signed again with the pool's key.

    In AWS, a Lambda trigger of the pool adds claims (pre token generation).
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - only this needs it
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    header, payload, _ = access_token.split(".")
    known = json.loads(base64.urlsafe_b64decode(f"{payload}=="))
    text = f"{header}.{encode_part(json.dumps({**claims, **known}).encode())}"
    return f"{text}.{encode_part(key.sign(text.encode(), PKCS1v15(), SHA256()))}"


def encode_part(content: bytes) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def paginate(cognito: Any, operation: str, key: str, pool: str) -> Iterator[dict[str, Any]]:
    """Yield all elements of a list operation on the pool."""
    for page in cognito.get_paginator(operation).paginate(UserPoolId=pool):
        yield from page[key]


def ensure_user(cognito: Any, pool: str, user: str, passwords: Path) -> str:
    """Create a user who can sign in, unless the user exists. Return the password."""
    name = user.lower()  # names in the pool are not case-sensitive
    with locked_passwords(passwords) as known:
        try:
            cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
        except cognito.exceptions.UsernameExistsException:
            # A user who signed up has a password that is not known here, so set a new one.
            if password := known.get(pool, {}).get(name):
                return password
        # One character of each class, as the pool's policy may require.
        password = f"{secrets.token_urlsafe(24)}-aA1"
        cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=password, Permanent=True)
        known.setdefault(pool, {})[name] = password
        return password


@contextmanager
def locked_passwords(file: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the content of a private file, and write it back after the block.

    The file is locked, since two commands may create users at the same time.
    """
    with open(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as locked:  # noqa: PTH123 - with a mode
        fcntl.flock(locked, fcntl.LOCK_EX)
        text = locked.read()
        known: dict[str, dict[str, str]] = json.loads(text) if text else {}
        yield known
        locked.seek(0)
        json.dump(known, locked, indent=2)
        locked.truncate()


def sign_in(cognito: Any, pool: str, app: str, user: str, password: str) -> dict[str, Any]:
    """Return the tokens of a sign-in with SRP: the pool's client accepts no plain passwords."""
    from pycognito.aws_srp import AWSSRP  # noqa: PLC0415 - half a second, which only this needs
    from pycognito.exceptions import MFAChallengeException  # noqa: PLC0415

    try:
        tokens = AWSSRP(user, password, pool, app, client=cognito).authenticate_user()
    except MFAChallengeException:
        raise UserError(f"{user} signs in with an authenticator app: choose another user with --user.") from None
    result: dict[str, Any] = tokens["AuthenticationResult"]
    return result
