"""Check that a regular expression means the same to all readers of a schema: docs/reference/schemas.md.

The functions match with Python's `re`, the console and JSON Schema tools with JavaScript's RegExp
and its flag u, and API Gateway with an older ECMA 262 in Java. Their common syntax is small enough
to parse, so everything outside it is refused by name, and no list of differences has to be
complete. A few constructs, such as the dot, are common but differ in meaning:
trestle.schema.patterns translates them for Python.

Standard library only, since build.py imports this module.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

Pair = tuple[int, int]
Ranges = tuple[Pair, ...]  # of code points, inclusive
Ends = tuple[bool, list[int], list[int]]  # whether a part may match nothing, its possible first and last positions

LAST = 0x10FFFF
MOST = 65535  # of repetitions; API Gateway has the lowest limit

DIGITS: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = tuple(
    (ord(first), ord(last))
    for first, last in ("\t\r", "  ", "\xa0\xa0", "\u1680\u1680", "\u2000\u200a", "\u2028\u2029",
                        "\u202f\u202f", "\u205f\u205f", "\u3000\u3000", "\ufeff\ufeff")
)  # fmt: skip
LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))

CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
SYNTAX = frozenset("^$\\.*+?()[]{}|/")

# The remedy for escapes that readers interpret differently, by the character after the backslash.
ESCAPES = {
    "0": r"write \x00",
    "A": "write ^",
    "B": r"write what may stand there, such as (?=[0-9A-Za-z_])",
    "Q": "put a backslash before each character that has a meaning",
    "E": "put a backslash before each character that has a meaning",
    "Z": "write $",
    "a": r"write \x07",
    "b": r"write \x08",  # in brackets; outside, all readers support it
    "c": r"write the character's code, such as \x0a",
    "e": r"write \x1b",
    "h": r"write [ \t]",
    "k": "write the alternatives out, as in (?:aa|bb)",
    "p": r"write the characters' ranges, such as [A-Za-z\u00c0-\u024f]",
    "P": r"write the characters' ranges, such as [^A-Za-z\u00c0-\u024f]",
    "u": r"write four hexadecimal digits, such as \u00e9, or the character itself",
    "v": r"write \x0b",
    "x": r"write two hexadecimal digits, such as \x0a",
    "z": "write $",
    **dict.fromkeys("123456789", "write the alternatives out, as in (?:aa|bb)"),
}

# The remedy for groups that not every reader supports, by their beginning.
GROUPS = {
    r"\(\?<[=!]": "write the text before it as part of the pattern",
    r"\(\?P?<\w*>?|\(\?P[=>]?": "write ( without a name",
    r"\(\?>": "write (?:",
    r"\(\?#[^)]*\)?": "leave the comment out, or put it into the description",
    r"\(\?\(": "write both alternatives out, as in (?:a|b)",
    r"\(\?\^?[A-Za-z-]*[:)]?": "leave the flags out, and write both cases in brackets, as in [Aa]",
}


class PatternError(Exception):
    """The reason why a pattern is refused: the part, its fault and the remedy."""


@dataclass(frozen=True)
class Characters:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True)
class Sequence:
    """Parts in sequence. Without parts, a position between characters."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """Alternative parts."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """A part repeated `low` to `high` times. None means without limit."""

    part: Node
    low: int
    high: int | None
    text: str


Node = Characters | Sequence | Choice | Repeat

NOTHING = Sequence(())


def check(pattern: str) -> None:
    """Raise PatternError unless all readers agree on the pattern and match it in a reasonable time."""
    reader = _Reader(pattern)
    reader.read()
    for repeat in reader.repeats:
        if _is_exponential(repeat):
            raise PatternError(
                f"{repeat.text} can match the same text in many ways, so a text that does not match takes "
                "exponential time: write it so that only one part can match each character"
            )


def _complement(ranges: Ranges) -> Ranges:
    """Return the code points outside the sorted ranges."""
    found, start = [], 0
    for first, last in ranges:
        if start < first:
            found.append((start, first - 1))
        start = max(start, last + 1)
    return (*found, (start, LAST)) if start <= LAST else tuple(found)


CLASSES = {"d": DIGITS, "w": WORD, "s": SPACE}
CLASSES |= {name.upper(): _complement(ranges) for name, ranges in CLASSES.items()}


class _Reader:
    """Parses one pattern from left to right. `repeats`: its repetitions, innermost first."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.repeats: list[Repeat] = []

    def read(self) -> Node:
        whole = self._choice()
        if self.at < len(self.pattern):
            raise PatternError(r") closes no group: write \) for a parenthesis")
        return whole

    def _next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _take(self, expression: str) -> re.Match[str] | None:
        found = re.compile(expression, re.ASCII | re.DOTALL).match(self.pattern, self.at)
        if found:
            self.at = found.end()
        return found

    def _choice(self) -> Node:
        options = [self._sequence()]
        while self._take(r"\|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts = []
        while self._next() not in ("", "|", ")"):
            start = self.at
            part, may_repeat = self._part()
            parts.append(self._repeated(part, start, may_repeat=may_repeat))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _part(self) -> tuple[Node, bool]:
        """Return the next part, and whether it may be repeated."""
        if self._take(r"[\^$]|\\b"):
            return NOTHING, False
        if self._next() == "(":
            return self._group()
        if self._take(r"\["):
            return Characters(self._brackets()), True
        if self._take(r"\."):
            return Characters(_complement(LINE_ENDS)), True
        if self._next() == "\\":
            return Characters(self._escape(brackets=False)), True
        if found := self._take(r"\{,([0-9]+)\}"):
            raise PatternError(f"{found[0]} counts from 0 only in Python: write {{0,{found[1]}}}")
        if found := self._take(r"[{}\]]"):
            raise PatternError(
                f"JavaScript refuses {found[0]} without a backslash: write \\{found[0]} for the character"
            )
        if found := self._take(r"[*+?]"):
            raise PatternError(f"{found[0]} repeats nothing: write \\{found[0]} for the character")
        code = ord(self._next())
        self.at += 1
        return Characters(((code, code),)), True

    def _group(self) -> tuple[Node, bool]:
        opening = self._take(r"\((?:\?[:=!]|(?!\?))")
        if not opening:
            for known, remedy in GROUPS.items():
                if found := self._take(known):
                    raise PatternError(f"{found[0]} is not supported by every reader: {remedy}")
        inner = self._choice()
        if not self._take(r"\)"):
            raise PatternError(r"( opens a group that nothing closes: write ), or \( for a parenthesis")
        looks_ahead = opening is not None and opening[0] in ("(?=", "(?!")
        return (NOTHING, False) if looks_ahead else (inner, True)

    def _repeated(self, part: Node, start: int, *, may_repeat: bool) -> Node:
        sign = self._take(r"[*+?]|\{([0-9]+)(,([0-9]*))?\}")
        if not sign:
            return part
        if not may_repeat:
            raise PatternError(f"{self.pattern[start : self.at]} repeats a position, not a character: remove {sign[0]}")
        self._take(r"\?")
        if self._next() == "+":
            raise PatternError(f"{sign[0]}+ is possessive, which only Python supports: remove +")
        if extra := self._take(r"[*+?]|\{[0-9]*,?[0-9]*\}"):
            raise PatternError(f"{sign[0]}{extra[0]} repeats twice: write one of them, or a group")
        low, high = self._bounds(sign)
        repeat = Repeat(part, low, high, self.pattern[start : self.at])
        self.repeats.append(repeat)
        return repeat

    @staticmethod
    def _bounds(sign: re.Match[str]) -> tuple[int, int | None]:
        if sign[1] is None:
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign[0]]
        low = int(sign[1])
        high = low if sign[2] is None else int(sign[3]) if sign[3] else None
        if high is not None and low > high:
            raise PatternError(f"{sign[0]} counts down: write {{{high},{low}}}")
        if max(low, high or 0) > MOST:
            raise PatternError(f"{sign[0]} is too many: write at most {MOST}, or use maxLength")
        return low, high

    def _escape(self, *, brackets: bool) -> Ranges:
        """Return the characters that an escape matches, in brackets or outside."""
        if found := self._take(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"):
            code = int(found[1][1:], 16)
            if 0xD800 <= code <= 0xDFFF:
                raise PatternError(f"{found[0]} is half a character: write the character itself")
            return ((code, code),)
        escape = self._take(r"\\(.?)")
        name = escape[1] if escape else ""
        if name in CLASSES:
            return CLASSES[name]
        if name in CONTROLS or name in SYNTAX or (name == "-" and brackets):
            return ((ord(CONTROLS.get(name, name)),) * 2,)
        if not name:
            raise PatternError(r"\ at the end escapes nothing: write \\ for a backslash")
        remedy = ESCAPES.get(name, f"write {name} without the backslash")
        raise PatternError(f"\\{name} differs between readers: {remedy}")

    def _brackets(self) -> Ranges:
        """Return the characters of a set, after its [."""
        start = self.at - 1
        negated = self._take(r"\^")
        if self._next() == "]":
            raise PatternError(
                f"{self.pattern[start : self.at + 1]} is an empty set in JavaScript and opens one in Python: "
                r"write \] for the character"
            )
        ranges: list[tuple[int, int]] = []
        while not self._take(r"\]"):
            first = self._member()
            if self._take(r"-(?=[^\]-])"):
                last = self._member()
                text = self.pattern[start : self.at]
                if max(len(first), len(last)) > 1 or any(one != other for one, other in (*first, *last)):
                    raise PatternError(rf"{text} has a range of sets: write \- for the hyphen")
                if first > last:
                    raise PatternError(f"{text} has a range that goes down: write its ends the other way round")
                first = ((first[0][0], last[0][0]),)
            ranges += first
        found = tuple(sorted(ranges))
        return _complement(found) if negated else found

    def _member(self) -> Ranges:
        """Return the next character or class in brackets."""
        if self._next() == "\\":
            return self._escape(brackets=True)
        if not self._next():
            raise PatternError(r"[ opens a set that nothing closes: write ], or \[ for a bracket")
        if found := self._take(r"\[|&&|--|\|\||~~"):
            sign = found[0][0]
            remedy = rf"write \{sign} for the bracket" if sign == "[" else f"write {sign} once"
            raise PatternError(f"{found[0]} in brackets combines sets for some readers: {remedy}")
        code = ord(self._next())
        self.at += 1
        return ((code, code),)


# --- How long a match may take ---

FEW = 4  # more repetitions than this count as unlimited
LARGEST = 1000  # positions of a repeated part


def _is_exponential(repeat: Repeat) -> bool:
    """Return whether a backtracking matcher may need exponential time.

    Before it fails, it tries every way to match a text. If a position in the pattern leads back to
    itself in two ways with the same text, the number of ways doubles with each repetition of that
    text.
    """
    automaton = _Automaton(repeat)
    if automaton.repeats_nothing:
        return True
    after = automaton.cycles()
    if any(ways > 1 and other in after[one] for (one, other), ways in automaton.follow.items()):
        return True
    before: dict[Pair, set[Pair]] = {}
    forth: dict[Pair, set[Pair]] = {}
    waiting: list[Pair] = [(position, position) for position in after if after[position]]
    while waiting:
        pair = waiting.pop()
        if pair not in forth:
            forth[pair] = {
                (min(one, other), max(one, other))
                for one, other in product(after[pair[0]], after[pair[1]])
                if _overlap(automaton.characters[one], automaton.characters[other])
            }
            for following in forth[pair]:
                before.setdefault(following, set()).add(pair)
            waiting += forth[pair]
    for position in after:
        start: Pair = (position, position)
        there, back = _reachable(start, forth), _reachable(start, before)
        if any(one != other for one, other in there & back):
            return True
    return False


class _Automaton:
    """Return the positions of a repeated part, and in how many ways one may follow another (Glushkov)."""

    def __init__(self, repeat: Repeat) -> None:
        self.text = repeat.text
        self.characters: list[Ranges] = []
        self.follow: Counter[Pair] = Counter()
        self.repeats_nothing = False  # a repeated part that may match nothing has more ways than are counted here
        self._add(repeat)

    def cycles(self) -> dict[int, set[int]]:
        """Return the positions that may follow each position on a way back to it."""
        after: dict[int, set[int]] = {position: set() for position in range(len(self.characters))}
        for one, other in self.follow:
            after[one].add(other)
        reachable = {position: _reachable(position, after) for position in after}
        return {one: {other for other in after[one] if one in reachable[other]} for one in after}

    def _add(self, node: Node) -> Ends:
        if isinstance(node, Characters):
            if len(self.characters) == LARGEST:
                raise PatternError(f"{self.text} is too large to be checked: write a smaller one")
            self.characters.append(node.ranges)
            position = len(self.characters) - 1
            return False, [position], [position]
        if isinstance(node, Sequence):
            return self._chain(self._add(part) for part in node.parts)
        if isinstance(node, Repeat):
            return self._repeat(node)
        added = [self._add(option) for option in node.options]
        return (
            any(empty for empty, _, _ in added),
            [position for _, first, _ in added for position in first],
            [position for _, _, last in added for position in last],
        )

    def _repeat(self, node: Repeat) -> Ends:
        low, high = node.low, node.high
        if high is not None and high > FEW:
            self.repeats_nothing |= _may_be_empty(node.part)
            if low < high or not _is_fixed(node.part):
                high = None
        if high is None:
            copies = min(max(low, 1), FEW)
            parts = [self._add(node.part) for _ in range(copies)]
            self.follow.update(product(parts[-1][2], parts[-1][1]))
            return self._chain((empty or low == 0, first, last) for empty, first, last in parts)
        parts = [self._add(node.part) for _ in range(min(high, FEW))]
        return self._chain((part[0] or index >= low, part[1], part[2]) for index, part in enumerate(parts))

    def _chain(self, parts: Iterable[Ends]) -> Ends:
        empty, first, last = True, list[int](), list[int]()
        for may_be_empty, begins, ends in parts:
            self.follow.update(product(last, begins))
            first = first + begins if empty else first
            last = last + ends if may_be_empty else ends
            empty = empty and may_be_empty
        return empty, first, last


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Repeat):
        return node.low == 0 or _may_be_empty(node.part)
    if isinstance(node, Choice):
        return any(map(_may_be_empty, node.options))
    return isinstance(node, Sequence) and all(map(_may_be_empty, node.parts))


def _is_fixed(node: Node) -> bool:
    """Return whether all texts that a node matches provably have the same length."""
    if isinstance(node, Repeat):
        return node.low == node.high and _is_fixed(node.part)
    return isinstance(node, Characters) or (isinstance(node, Sequence) and all(map(_is_fixed, node.parts)))


def _reachable(start: T, after: Mapping[T, Iterable[T]]) -> set[T]:
    """Return the nodes reachable from `start` in one or more steps."""
    found: set[T] = set()
    waiting = [start]
    while waiting:
        for following in after.get(waiting.pop(), ()):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


@lru_cache
def _overlap(some: Ranges, others: Ranges) -> bool:
    return any(one <= end and start <= last for one, last in some for start, end in others)
