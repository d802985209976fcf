"""The sign-in page of the local issuer. It asks only for a name: anyone who can open it can sign tokens."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 10vh auto; max-width: 26rem; padding: 0 1rem;
  color: light-dark(#1a1a1a, #eee); background: light-dark(#fff, #1a1a1a); color-scheme: light dark }
label { display: block; margin-top: 1rem }
input, textarea, button { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit }
button { margin-top: 1rem; cursor: pointer }
small, .error { display: block }
.error { color: light-dark(#a00, #f88) }
"""
NEWLINE = "\n"  # the braces of an f-string cannot contain a backslash

STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def security_headers(*form_targets: str) -> dict[str, str]:
    """Return the headers of a page whose form may only lead to these origins."""
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{STYLE_HASH}'",
        "base-uri": "'none'",
        "form-action": " ".join(["'self'", *form_targets]),
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        # The form must send its origin.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }


def sign_in_page(
    settings: Mapping[str, Any], action: str, users: Sequence[Mapping[str, Any]], fault: str = "", typed: str = ""
) -> str:
    """Return the page where a user signs in. `action` is the URL of its forms."""
    known = "".join(
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="username" value="{escape(user["name"])}">'
        f'<textarea name="groups" hidden>\n{escape(NEWLINE.join(user["groups"]))}</textarea>'
        f'<textarea name="claims" hidden>\n{escape(claims_text(user))}</textarea>'
        f"<button>{escape(user['name'])}<small>{escape(summary(user))}</small></button></form>"
        for user in users
    )
    body = (
        f"<p>This is the local issuer, which replaces <code>{escape(str(settings.get('issuer')))}</code>. "
        "Sign in with any name.</p>"
        + (f'<p class="error" role="alert">{escape(fault)}</p>' if fault else "")
        + (f"<h2>Known users</h2>{known}<h2>Another user</h2>" if known else "")
        + f"""<form method="post" action="{escape(action)}">
<label>Name <input name="username" value="{escape(typed)}" required autofocus autocomplete="off"></label>
<label>Groups <textarea name="groups" rows="2"></textarea><small>one per line</small></label>
<label>Claims <textarea name="claims" rows="3"></textarea><small>NAME=VALUE, one per line</small></label>
<button>Sign in</button>
</form>"""
    )
    return page(f"Sign in to {settings.get('name')}", body)


def message_page(title: str, sentence: str) -> str:
    """Return a page with a single message."""
    return page(title, f"<p>{escape(sentence)}</p>")


def page(title: str, body: str) -> str:
    """Return a complete page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><main><h1>{escape(title)}</h1>{body}</main></html>\n"
    )


def claims_text(user: Mapping[str, Any]) -> str:
    """Return a user's claims in the format of the form."""
    return "\n".join(f"{name}={value}" for name, value in user["claims"].items())


def summary(user: Mapping[str, Any]) -> str:
    """Return a user's groups and claims on one line."""
    return ", ".join([*user["groups"], *claims_text(user).splitlines()])
