"""Test the patterns of schemas: which ones the build accepts, and what they match in each language."""

from __future__ import annotations

import json
import random
import re
import subprocess
import warnings
from itertools import product

import pytest

from tools.patterns import PatternError, check
from trestle.schema.patterns import matches, translate

COMMON = [
    "",
    r"^\S+$",
    r"^[A-Z]{2}[0-9]{0,3}?$",
    r"^[\w.-]+@[\w-]+(?:\.[\w-]+)+$",
    r"^(?:a|b(?=c)|(?!d)[^a-c\s\d])*$",
    r"^[+]?[0-9][0-9 ().-]{2,30}$",
    r"\bword\b|a.c|\t\n\r\f\x41\u00e9\/\\\.[\]\-\[^a-c-]",
    "^[é-\U0001f60e\U0001f600]{1,2}$",
    r"^[\S]$|^[^\S]$|^[^\s\S]$|^[\D\W]{3,}$|a{,|b".replace("{,", r"\{,"),
    # None of these can match a text in several ways, except as often as the pattern itself spells
    # out.
    r"^[a-z]+(?:-[a-z0-9]+)*$",
    r"^([a-z]+,)*[a-z]+$",
    r"^(?:[0-9]{10})*$",
    r"^(?:\d{1,3}\.){3}\d{1,3}$",
    r"^(?:a|ab)*(?:x{0})*(?:[0-9a-f]{2}:){15}$",
    r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$",
    r'^"(?:[^"\\]|\\.)*"$',
    r"^(?:[A-Z]{2}[ -]?){1,8}(a?){3}$",
]

OTHERWISE = "differs between readers"
UNKNOWN = "is not supported by every reader"
REFUSED = {
    "^a{,3}$": "{,3} counts from 0 only in Python: write {0,3}",
    "a{b": r"JavaScript refuses { without a backslash: write \{ for the character",
    "a}": r"JavaScript refuses } without a backslash: write \} for the character",
    "a]": r"JavaScript refuses ] without a backslash: write \] for the character",
    "+a": r"+ repeats nothing: write \+ for the character",
    "a|*": r"* repeats nothing: write \* for the character",
    "(a": r"( opens a group that nothing closes: write ), or \( for a parenthesis",
    "a)": r") closes no group: write \) for a parenthesis",
    "[a": r"[ opens a set that nothing closes: write ], or \[ for a bracket",
    "a\\": r"\ at the end escapes nothing: write \\ for a backslash",
    "(?P<n>a)": f"(?P<n> {UNKNOWN}: write ( without a name",
    "(?<n>a)": f"(?<n> {UNKNOWN}: write ( without a name",
    "(?P=n)": f"(?P= {UNKNOWN}: write ( without a name",
    "(?<=a)b": f"(?<= {UNKNOWN}: write the text before it as part of the pattern",
    "(?<!a)b": f"(?<! {UNKNOWN}: write the text before it as part of the pattern",
    "(?>a)": f"(?> {UNKNOWN}: write (?:",
    "a(?#b)": f"(?#b) {UNKNOWN}: leave the comment out, or put it into the description",
    "(?(1)a)": f"(?( {UNKNOWN}: write both alternatives out, as in (?:a|b)",
    "(?i)a": f"(?i) {UNKNOWN}: leave the flags out, and write both cases in brackets, as in [Aa]",
    "(?s-i:a)": f"(?s-i: {UNKNOWN}: leave the flags out, and write both cases in brackets, as in [Aa]",
    "(?": f"(? {UNKNOWN}: leave the flags out, and write both cases in brackets, as in [Aa]",
    r"(a)\1": rf"\1 {OTHERWISE}: write the alternatives out, as in (?:aa|bb)",
    r"\k<a>": rf"\k {OTHERWISE}: write the alternatives out, as in (?:aa|bb)",
    r"\Aa": rf"\A {OTHERWISE}: write ^",
    r"a\Z": rf"\Z {OTHERWISE}: write $",
    r"a\z": rf"\z {OTHERWISE}: write $",
    r"\B": rf"\B {OTHERWISE}: write what may stand there, such as (?=[0-9A-Za-z_])",
    r"[\b]": rf"\b {OTHERWISE}: write \x08",
    r"\v": rf"\v {OTHERWISE}: write \x0b",
    r"\a": rf"\a {OTHERWISE}: write \x07",
    r"\e": rf"\e {OTHERWISE}: write \x1b",
    r"\h": rf"\h {OTHERWISE}: write [ \t]",
    r"\cJ": rf"\c {OTHERWISE}: write the character's code, such as \x0a",
    r"\07": rf"\0 {OTHERWISE}: write \x00",
    r"\x1": rf"\x {OTHERWISE}: write two hexadecimal digits, such as \x0a",
    r"\u{1F600}": rf"\u {OTHERWISE}: write four hexadecimal digits, such as \u00e9, or the character itself",
    r"\ud83d\ude00": r"\ud83d is half a character: write the character itself",
    r"\p{L}": rf"\p {OTHERWISE}: write the characters' ranges, such as [A-Za-z\u00c0-\u024f]",
    r"\P{L}": rf"\P {OTHERWISE}: write the characters' ranges, such as [^A-Za-z\u00c0-\u024f]",
    r"\Qa\E": rf"\Q {OTHERWISE}: put a backslash before each character that has a meaning",
    r"\-": rf"\- {OTHERWISE}: write - without the backslash",
    r"\_": rf"\_ {OTHERWISE}: write _ without the backslash",
    "a++": "++ is possessive, which only Python supports: remove +",
    "a{2}+": "{2}+ is possessive, which only Python supports: remove +",
    "a**": "** repeats twice: write one of them, or a group",
    "a{2}{3}": "{2}{3} repeats twice: write one of them, or a group",
    "a???": "?? repeats twice: write one of them, or a group",
    "^*": "^* repeats a position, not a character: remove *",
    "(?=a)?": "(?=a)? repeats a position, not a character: remove ?",
    r"\b{2}": r"\b{2} repeats a position, not a character: remove {2}",
    "a{3,2}": "{3,2} counts down: write {2,3}",
    "a{1,65536}": "{1,65536} is too many: write at most 65535, or use maxLength",
    "[]a]": r"[] is an empty set in JavaScript and opens one in Python: write \] for the character",
    "[^]": r"[^] is an empty set in JavaScript and opens one in Python: write \] for the character",
    "[[a]": r"[ in brackets combines sets for some readers: write \[ for the bracket",
    "[a&&b]": "&& in brackets combines sets for some readers: write & once",
    "[+--]": "-- in brackets combines sets for some readers: write - once",
    "[a||b]": "|| in brackets combines sets for some readers: write | once",
    "[~~]": "~~ in brackets combines sets for some readers: write ~ once",
    r"[\w-a]": r"[\w-a has a range of sets: write \- for the hyphen",
    r"[a-\d]": r"[a-\d has a range of sets: write \- for the hyphen",
    "[b-a]": "[b-a has a range that goes down: write its ends the other way round",
}

# Each repetition that takes exponential time, with a pattern that has it.
EXPONENTIAL = {
    "^(?:a+)+$": "(?:a+)+",
    "(a*)*": "(a*)*",
    "^(a|a)*$": "(a|a)*",
    "^(?:a|ab|b)+c": "(?:a|ab|b)+",
    r"^(?:\w+\s?)*$": r"(?:\w+\s?)*",
    r"^(\d{1,3}\.?){2,}$": r"(\d{1,3}\.?){2,}",
    r"^(([a-z])+.)+[A-Z]$": "(([a-z])+.)+",
    "^(?:a?b?)*$": "(?:a?b?)*",
    "(a?){30}": "(a?){30}",
    "((?:|b)(?:a|)){5,9}": "((?:|b)(?:a|)){5,9}",
    "(?:[a-c]{1,9}){20}": "(?:[a-c]{1,9}){20}",
    "(?!(?:a+b?)+$)c": "(?:a+b?)+",
}


@pytest.mark.parametrize("pattern", COMMON)
def test_portable_patterns_are_accepted(pattern: str) -> None:
    check(pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Python warns about sets that a later version may read differently
        re.compile(translate(pattern), re.ASCII)


@pytest.mark.parametrize("pattern", REFUSED)
def test_ambiguous_patterns_are_refused_with_a_remedy(pattern: str) -> None:
    with pytest.raises(PatternError) as refused:
        check(pattern)
    assert str(refused.value) == REFUSED[pattern]


@pytest.mark.parametrize("pattern", EXPONENTIAL)
def test_patterns_of_exponential_time_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError) as refused:
        check(pattern)
    assert str(refused.value).startswith(f"{EXPONENTIAL[pattern]} can match the same text in many ways")


def test_patterns_too_large_to_check_are_refused() -> None:
    with pytest.raises(PatternError) as refused:
        check("((((a{4}){4}){4}){4}){4}")
    assert str(refused.value) == "((((a{4}){4}){4}){4}){4} is too large to be checked: write a smaller one"


# Texts on which ECMA 262 and Python's re differ, with ECMA 262's result.
MEANING = {
    r"^\s$": (
        " \t\n\v\f\r\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\ufeff",
        "\x1c\x1f\x85\u180e\u200bx_",
    ),
    r"^[^\S\n]$": ("\xa0\ufeff\r", "\n\x85a"),
    r"^\S$": ("\x00\x1c\x85\u200ba\U0001f600\U0010ffff", " \xa0\ufeff"),
    r"^[\S ]$": ("\x85 a", "\xa0\n"),
    r"^.$": ("\x85\x0b\x1ca\U0001f600", "\n\r\u2028\u2029"),
    r"^[.$]$": (".$", "a"),
    r"^\d$": ("0", "\u0663\u0967"),
    r"^\w$": ("a_", "é\u017f\u212a"),
    r"^\W$": ("é\u017f", "a_"),
}


@pytest.mark.parametrize("pattern", MEANING)
def test_patterns_match_as_in_ecma_262(pattern: str) -> None:
    check(pattern)
    valid, invalid = MEANING[pattern]
    assert [text for text in valid if not matches(pattern, text)] == []
    assert [text for text in invalid if matches(pattern, text)] == []


def test_dollar_matches_only_at_the_very_end() -> None:
    assert matches("^a$", "a")
    assert not matches("^a$", "a\n")
    assert matches(r"\ba\b", "é-aé")


PIECES = [
    *"abc -_.^$|()[]{}*+?\\/,09é\n",
    *("(?:", "(?=", "(?!", ")*", "(a|", "|b)", "[^", "[a-c", "[\\", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S"),
    *(r"\b", r"\B", r"\.", r"\$", r"\-", r"\]", r"\/", r"\t", r"\x41", r"\u00e9", r"\ud83d", "\U0001f600"),
    *("{2}", "{,2}", "{1,}", "{0,3}?", "+?", "??", "]+", "]*", "^a", "b$", r"\1", "(?<=", "(?i)", r"\p{L}"),
]
TEXTS = [
    *(
        "",
        "a",
        "b",
        "ab",
        "aab",
        "abc",
        "cba",
        "a b",
        "-",
        "_",
        "a-b",
        ".",
        "$",
        "^",
        "09",
        "a0",
        "é",
        "aé",
        "/",
    ),
    *(
        "a\n",
        "\n",
        "\r",
        "\u2028",
        "\x85",
        "\xa0",
        "\ufeff",
        "\x1c",
        "\U0001f600",
        "a\U0001f600",
        "\u0663",
        "\\",
    ),
    *("[", "]", "{", "}", "(", ")", "|", "*", "+", "?", ",", "{,2}", "A", "aaaa", "bcbc", "\u017f", "\u212a"),
]

NODE = """
const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const verdicts = (pattern, flags, texts) => {
  try {
    return texts.map((text) => new RegExp(pattern, flags).test(text));
  } catch (error) {
    return String(error);
  }
};
console.log(JSON.stringify(cases.patterns.map((each) => verdicts(each, "u", cases.texts))));
"""


def random_patterns(number: int) -> list[str]:
    """Generate patterns that the build accepts, from syntax that all readers know and syntax that only some know."""
    choose = random.Random(0)
    found: set[str] = set()
    while len(found) < number:
        pattern = "".join(choose.choices(PIECES, k=choose.randint(1, 9)))
        try:
            check(pattern)
        except PatternError:
            continue
        found.add(pattern)
    return sorted(found)


@pytest.mark.slow
def test_javascript_matches_accepted_patterns_as_the_functions_do() -> None:
    patterns = [*COMMON, *MEANING, *random_patterns(5000)]
    texts = [*TEXTS, *{character for both in MEANING.values() for group in both for character in group}]
    sent = json.dumps({"patterns": patterns, "texts": texts})
    answer = subprocess.run(["node", "-e", NODE], input=sent, capture_output=True, text=True, check=True)
    verdicts = json.loads(answer.stdout)
    ours = [[matches(pattern, text) for text in texts] for pattern in patterns]
    assert [pair for pair in zip(patterns, verdicts, strict=True) if isinstance(pair[1], str)] == []
    assert [
        (patterns[row], texts[column])
        for row, column in product(range(len(patterns)), range(len(texts)))
        if ours[row][column] != verdicts[row][column]
    ] == []
