"""Correct Cognito's sign-in page: show where the passwords of local users are."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

NOTE = """<p style="margin-top:8px;font-size:13px;line-height:1.5;color:#545b64;overflow-wrap:anywhere">
These users exist only on this computer. <code>python local.py token --user NAME</code> creates one.
Passwords are in <code>{}</code>.</p>"""


def correct(cognito: Any, users: Path) -> None:
    """Add the note to the pages that ask for a user. users: the file that `python local.py token` writes."""
    note = NOTE.format(escape(str(users)))

    def with_note(page: Any) -> Any:
        def show(*given: Any, **named: Any) -> str:
            before, form, after = page(*given, **named).rpartition("</form>")
            return f"{before}{form}{note}{after}"

        return show

    for name in ("_login_page_html", "_username_page_html"):
        setattr(cognito, name, with_note(getattr(cognito, name)))
