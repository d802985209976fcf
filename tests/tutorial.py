"""The files and commands of a tutorial page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.terraform import ROOT

PAGE = ROOT / "docs" / "tutorials" / "own-code.md"
BLOCK = re.compile(
    r"(?:(Write|Append to|Add to `functions` in) `([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Step:
    """A block of the page. what: "Write", "Append to", "Add to `functions` in", or "" for commands."""

    what: str
    file: str
    text: str

    def carry_out(self, folder: Path) -> None:
        """Write what the page tells its reader to write."""
        place = folder / self.file
        if self.what == "Write":
            assert not place.exists(), f"The page writes {self.file} twice."
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.text)
        elif self.what == "Append to":
            blank = "\n\n" if self.file.endswith(".py") else ""
            place.write_text(f"{place.read_text()}{blank}{self.text}")
        else:
            before, end = place.read_text()[:-2], place.read_text()[-2:]
            assert (end, before.count("\nfunctions = {\n")) == ("}\n", 1)
            place.write_text(before + self.text + end)

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield the commands, each with the output that the page shows."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


def steps() -> list[Step]:
    """Return the page's blocks in their order."""
    page = PAGE.read_text(encoding="utf-8")
    found = [Step(what, file, text) for what, file, _, text in BLOCK.findall(page)]
    languages = [language for _, _, language, _ in BLOCK.findall(page)]
    assert len(found) == len(re.findall(r"^ *```\w", page, re.MULTILINE)), "a block is none that a test knows"
    assert [language for language, step in zip(languages, found, strict=True) if not step.what] == ["console"] * len(
        [step for step in found if not step.what]
    )
    return found
