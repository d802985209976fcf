"""The laptop's own OpenID Connect issuer, which stands in for the one that the tfvars' `jwt.issuer` names.

The emulator's process serves it (server.py). Whoever can read the system's folder can sign for it (tokens.py).
"""

from __future__ import annotations

HOST = "127.0.0.1"

# Of a system's folder, the part that is the issuer's.
FOLDER = "issuer"

# Below the path that the emulator keeps for us.
PATH = "/_trestle/issuer"


def issuer_url(port: int) -> str:
    """Return the issuer's URL, which its tokens name in `iss`."""
    return f"http://{HOST}:{port}{PATH}"
