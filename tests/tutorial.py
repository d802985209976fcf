"""Read and carry out the steps of a page: a tutorial, or the README."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.terraform import ROOT

TUTORIALS = ROOT / "docs" / "tutorials"
OWN_CODE = TUTORIALS / "own-code.md"
PAGES = (ROOT / "README.md", OWN_CODE, TUTORIALS / "shop.md", TUTORIALS / "production.md")
BLOCK = re.compile(
    r"(?:(Write|Replace|Append to|Add to `functions` in) `([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Step:
    """A page's block. what: "Write", "Replace", "Append to", "Add to `functions` in", or "" for commands."""

    what: str
    file: str
    text: str

    def carry_out(self, folder: Path) -> None:
        """Write the file as the page says."""
        place = folder / self.file
        if self.what == "Write":
            assert not place.exists(), f"The page writes {self.file} twice."
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.text)
        elif self.what == "Replace":
            assert place.exists(), f"The page replaces {self.file}, which does not exist."
            place.write_text(self.text)
        elif self.what == "Append to":
            blank = "\n\n" if self.file.endswith(".py") else ""
            place.write_text(f"{place.read_text()}{blank}{self.text}")
        else:
            before, end = place.read_text()[:-2], place.read_text()[-2:]
            assert (end, before.count("\nfunctions = {\n")) == ("}\n", 1)
            place.write_text(before + self.text + end)

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield each command with the output that the page shows."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


MARK = "----- end of a command -----"


def run_commands(commands: list[tuple[str, str]], folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Run commands in one shell; assert that each prints the page's output, where "…" matches anything.

    Answer every question by "yes". Return the shell's variables, for the next block of the page.
    """
    with tempfile.NamedTemporaryFile() as variables:
        parts = [f"{command}\necho; echo {MARK!r}\n" for command, _ in commands]
        script = f"set -a\n{''.join(parts)}env -0 > {variables.name}\n"
        done = subprocess.run(
            ["bash", "-e", "-c", f"yes yes | bash -e -c {shlex.quote(script)}"],
            cwd=folder, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        kept = dict(each.split("=", 1) for each in Path(variables.name).read_text().split("\0") if each)
    for (command, shown), said in zip(commands, done.stdout.split(MARK), strict=False):
        pattern = ".*".join(map(re.escape, shown.split("…")))
        assert re.search(pattern, said, re.DOTALL), f"{command}\n{said}"
    return kept


def console_blocks(page: Path) -> list[Step]:
    """Return the command blocks of a how-to page."""
    found = re.findall(r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [Step("", "", text) for text in found]


def code_blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a language that a page shows."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(each) for each in found]


def steps(file: Path) -> list[Step]:
    """Return a page's blocks in order."""
    page = file.read_text(encoding="utf-8")
    found = [Step(what, file, text) for what, file, _, text in BLOCK.findall(page)]
    languages = [language for _, _, language, _ in BLOCK.findall(page)]
    assert len(found) == len(re.findall(r"^ *```\w", page, re.MULTILINE)), "a block has an unknown kind"
    assert [language for language, step in zip(languages, found, strict=True) if not step.what] == ["console"] * len(
        [step for step in found if not step.what]
    )
    return found
