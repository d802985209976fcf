"""Find the keys that a var-file sets, with their lines, in HCL and in JSON.

Terraform lets the last of two equal keys win without a message, and parsers return only that one.
So this module reads the keys from the text itself. It skips values and does not check the syntax.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field

# https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#lexical-elements
COMMENT = r"#[^\n]*|//[^\n]*|/\*.*?\*/"
SPACE = re.compile(rf"(?:\s|{COMMENT})*", re.DOTALL)
BLANK = re.compile(rf"(?:[^\S\n]|{COMMENT})*", re.DOTALL)
BETWEEN = re.compile(rf"(?:[\s,]|{COMMENT})*", re.DOTALL)
HEREDOC = re.compile(r"<<-?([^\W\d][\w-]*)\r?\n(?:.*?\n)??[^\S\n]*\1(?=\s|$)", re.DOTALL)
NAME = re.compile(r"[\w-]+")
SEPARATOR = re.compile(r"=(?![=>])|:(?!:)")
JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
TEMPLATE = re.compile(r"(?<!\$)\$\{|(?<!%)%\{")
ESCAPE = re.compile(r'\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\([nrt"\\])|([$%])\4\{')
CLOSING = {"{": "}", "[": "]", "(": ")"}


class NotReadableError(ValueError):
    """A bracket or string of the text is not closed. Terraform's own message names the place."""


@dataclass
class Key:
    """A key, its line, and the keys inside its value.

    The name is None if only an evaluation could determine it. The objects of a list have the keys
    "0", "1" and so on. `is_computed`: the value is an expression, which may add keys.
    """

    name: str | None
    line: int
    keys: list[Key] = field(default_factory=list)
    is_computed: bool = False


def find_keys(text: str, is_json: bool) -> list[Key]:
    """Return the top-level keys of a text; raise NotReadableError if a bracket or string does not close."""
    reader = _Reader(text, is_json)
    top = Key("", 1)
    try:
        if not is_json:
            reader.elements(top.keys, "")
        elif reader.skip(SPACE) == "{":
            reader.value(top)
    except RecursionError:
        raise NotReadableError from None
    return top.keys


@dataclass
class _Reader:
    text: str
    is_json: bool
    at: int = 0

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Skip what the pattern matches; return the next character, or "" at the end."""
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return self.text[self.at : self.at + 1]

    def elements(self, keys: list[Key], closing: str) -> None:
        """Read the elements of an object, or of the whole text, and the closing bracket."""
        while (sign := self.skip(BETWEEN)) not in ("", "}", "]", ")"):
            if key := self.key():
                keys.append(key)
                self.value(key)
            while (sign := self.skip(BLANK)) not in ("", "\n", ",", "}", "]", ")"):
                self.token(sign)
                if key:
                    key.is_computed = True
        self.close(sign, closing)

    def close(self, sign: str, closing: str) -> None:
        """Skip a closing bracket."""
        if sign != closing:
            raise NotReadableError
        self.at += len(sign)

    def key(self) -> Key | None:
        """Read a key and its separator, if they are next."""
        began, sign = self.at, self.text[self.at]
        if sign in '"(':
            self.token(sign)
        else:
            self.skip(NAME)
        written = self.text[began : self.at]
        self.skip(SPACE)
        if not written or not (separator := SEPARATOR.match(self.text, self.at)):
            self.at = began
            return None
        self.at = separator.end()
        return Key(self.literal(written), self.text.count("\n", 0, began) + 1)

    def literal(self, written: str) -> str | None:
        """Return the name of a key, or None if it must be evaluated."""
        bare = written.strip("() \t\r\n")
        if not bare.startswith('"'):
            return None if written.startswith("(") and not bare.isdigit() else normalise_name(bare)
        inside = bare[1:-1]
        if TEMPLATE.search(inside) or not JSON_STRING.fullmatch(bare):
            return None
        if self.is_json:
            try:
                return normalise_name(json.loads(bare, strict=False))
            except ValueError:
                raise NotReadableError from None
        return normalise_name(ESCAPE.sub(_unescape, inside))

    def value(self, key: Key) -> None:
        """Read the beginning of a value: a whole object or list, or one token."""
        sign = self.skip(SPACE)
        if sign == "{":
            self.at += 1
            key.is_computed = self._is_for()
            self.elements(key.keys, "}")
        elif sign == "[":
            self.at += 1
            key.is_computed = self._is_for()
            self.items(key)
        elif sign == "(":
            key.is_computed = True
            self.token(sign)
        elif sign:
            self.token(sign)

    def items(self, key: Key) -> None:
        """Read the items of a list and the closing bracket. Its objects become keys."""
        while (sign := self.skip(BETWEEN)) not in ("", "}", "]", ")"):
            if sign in "{[":
                key.keys.append(Key(str(len(key.keys)), self.text.count("\n", 0, self.at) + 1))
                self.value(key.keys[-1])
            else:
                self.token(sign)
        self.close(sign, "]")

    def token(self, sign: str) -> None:
        """Skip one token. A string, a heredoc and a bracketed expression count as one."""
        if sign == '"':
            self.string()
        elif sign == "{":
            self.at += 1
            self.elements([], "}")
        elif sign in CLOSING:
            self.at += 1
            self.until(CLOSING[sign])
        elif heredoc := HEREDOC.match(self.text, self.at):
            self.at = heredoc.end()
        elif name := NAME.match(self.text, self.at):
            self.at = name.end()
        else:
            self.at += 1

    def until(self, closing: str) -> None:
        """Skip everything up to the closing bracket."""
        while (sign := self.skip(BETWEEN)) not in ("", "}", "]", ")"):
            self.token(sign)
        self.close(sign, closing)

    def string(self) -> None:
        """Skip a quoted string, whose templates may contain strings."""
        if self.is_json:
            if not (found := JSON_STRING.match(self.text, self.at)):
                raise NotReadableError
            self.at = found.end()
            return
        self.at += 1
        while (sign := self.text[self.at : self.at + 1]) != '"':
            if sign in ("", "\n"):
                raise NotReadableError
            if self.text.startswith(("$${", "%%{"), self.at):
                self.at += 3
            elif self.text.startswith(("${", "%{"), self.at):
                self.at += 2
                self.until("}")
            else:
                self.at += 2 if sign == "\\" else 1
        self.at += 1

    def _is_for(self) -> bool:
        """Return whether the opened bracket is a `for` expression."""
        self.skip(BETWEEN)
        word = NAME.match(self.text, self.at)
        return bool(word and word[0] == "for" and not SEPARATOR.match(self.text, self._after(word)))

    def _after(self, word: re.Match[str]) -> int:
        space = SPACE.match(self.text, word.end())
        return space.end() if space else word.end()


def normalise_name(name: str) -> str:
    """Return a name in the form that Terraform compares."""
    return unicodedata.normalize("NFC", name)


def _unescape(found: re.Match[str]) -> str:
    short, long, letter, dollar = found.groups()
    if dollar:
        return f"{dollar}{{"
    if letter:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(letter, letter)
    number = int(short or long, 16)
    return chr(number) if number < 0x110000 else found[0]
