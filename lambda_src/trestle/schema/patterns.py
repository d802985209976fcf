"""Match regular expressions as ECMA 262 does. tools/patterns.py decides which ones a schema may contain."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match

# ECMA 262's white space and line terminators. Python's \s also matches U+001C to U+001F and U+0085, and with
# re.ASCII only six characters.
_SPACE = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NO_SPACE = (
    r"\0-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\U0010ffff"
)
_OUTSIDE = {"$": r"\Z", ".": r"[^\n\r\u2028\u2029]", r"\s": f"[{_SPACE}]", r"\S": f"[{_NO_SPACE}]"}
_IN_BRACKETS = {r"\s": _SPACE, r"\S": _NO_SPACE}

_TOKENS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[$.]", re.DOTALL)
_ESCAPES = re.compile(r"\\.", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches anywhere in a text."""
    return re.search(translate(pattern), text, re.ASCII) is not None


def translate(pattern: str) -> str:
    """Return the pattern for Python's `re`, with re.ASCII, that is equivalent to `pattern` in ECMA 262."""
    return _TOKENS.sub(_token, pattern)


def _token(found: Match[str]) -> str:
    token = found[0]
    if token[0] == "[":
        return _ESCAPES.sub(lambda escape: _IN_BRACKETS.get(escape[0], escape[0]), token)
    return _OUTSIDE.get(token, token)
