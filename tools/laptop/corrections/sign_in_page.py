"""Cognito's sign-in page: it says where the passwords of the laptop's users are."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

NOTE = """<p style="margin-top:8px;font-size:13px;line-height:1.5;color:#545b64;overflow-wrap:anywhere">
These users exist on this computer alone. <code>python local.py token --user NAME</code> creates one.
Passwords are in <code>{}</code>.</p>"""


def correct(cognito: Any, users: Path) -> None:
    """Add the note to the pages that ask who signs in. users: the file that `python local.py token` writes."""
    note = NOTE.format(escape(str(users)))

    def with_note(page: Any) -> Any:
        def show(*given: Any, **named: Any) -> str:
            before, form, after = page(*given, **named).rpartition("</form>")
            return f"{before}{form}{note}{after}"

        return show

    for name in ("_login_page_html", "_username_page_html"):
        setattr(cognito, name, with_note(getattr(cognito, name)))
