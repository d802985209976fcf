"""Suggest the meaning of a misspelt word, and find names for examples.

Standard library only, since make and the commands use this before anything is installed. The
Makefile calls `python -m tools.suggestions KIND WORD KNOWN ...` with its targets or variables.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from tools.files import read_json
from tools.hcl_keys import NotReadableError, find_keys

ROOT = Path(__file__).resolve().parent.parent
LIKELY = 0.6  # difflib's own cutoff


def nearest(word: str, known: Collection[str], cutoff: float = LIKELY) -> str | None:
    """Return the known word that was probably meant, ignoring case, or None."""
    by_case = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), by_case, 1, cutoff)
    return by_case[found[0]] if found else None


def correction(word: str, known: Collection[str], otherwise: str) -> str:
    """Return the end of a sentence about an unknown word."""
    meant = nearest(word, known)
    return f"did you mean {meant}?" if meant else f"{otherwise}."


# --- For make ---

# Variables of other programs, which make passes on to them.
OF_OTHERS = ("PYTHON",)


def misspelt_target(word: str, known: Collection[str]) -> str:
    """Return a sentence about a target that make does not know."""
    if meant := nearest(word, known):
        return f"There is no target {word}: did you mean {meant}? `make help` lists the targets."
    return f"There is no target {word}: run `make help`, which lists the targets."


def misspelt_variable(word: str, known: Collection[str]) -> str:
    """Return a sentence about a variable of make's command line; "" if it may be meant for another program."""
    meant = nearest(word, known, 0.65)
    if meant is None or "_" in word or word.startswith(OF_OTHERS):
        return ""
    return f"There is no variable {word}: did you mean {meant}? `make help` names the variables."


# --- Examples ---


def example_environment() -> str:
    """Return the name of an existing environment, dev if possible."""
    names = sorted(file.stem for file in (ROOT / "environments").glob("*.tfvars") if file.stem != "local")
    return "dev" if "dev" in names or not names else names[0]


def example_entity(environment: str) -> str:
    """Return an entity of an environment, if its tfvars can be read."""
    return next(keys_of("entities", environment), "todos")


def example_function(environment: str) -> str:
    """Return a function of app/ of an environment, if its tfvars can be read."""
    return next(keys_of("functions", environment), "report")


def keys_of(variable: str, environment: str) -> Iterator[str]:
    """Yield the keys of a variable in an environment's tfvars, or in those of the last local run."""
    if environment == "local":
        folder = Path(os.environ.get("TRESTLE_LOCAL_DIR") or ROOT / ".local")
        last = read_json(folder / "last.json") or {}
        applied = read_json(folder / last.get("folder", "") / "settings.json") or {}
        yield from applied.get("settings", {}).get(variable, {})
    try:
        keys = find_keys((ROOT / "environments" / f"{environment}.tfvars").read_text(encoding="utf-8"), is_json=False)
    except (OSError, ValueError, NotReadableError):
        return
    for key in keys:
        if key.name == variable:
            yield from (inner.name for inner in key.keys if inner.name)


def main(kind: str, word: str, *known: str) -> None:
    """Print the beginning of make's error about an unknown word, if any."""
    sentence = {"target": misspelt_target, "variable": misspelt_variable}[kind](word, known)
    print(sentence.removesuffix("."))


if __name__ == "__main__":
    main(*sys.argv[1:])
