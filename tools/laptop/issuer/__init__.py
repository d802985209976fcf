"""The local OpenID Connect issuer, which replaces the one in `jwt.issuer` of the tfvars.

The emulator's process serves it (server.py). Anyone who can read the system's folder can sign for it (tokens.py).
"""

from __future__ import annotations

HOST = "127.0.0.1"

# The issuer's folder in a system's folder.
FOLDER = "issuer"

# Below the path that the emulator reserves for Trestle.
PATH = "/_trestle/issuer"


def issuer_url(port: int) -> str:
    """Return the issuer's URL, which its tokens have as `iss`."""
    return f"http://{HOST}:{port}{PATH}"
