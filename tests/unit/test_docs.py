"""Test that everything the docs name exists."""

from __future__ import annotations

import json
import pkgutil
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from docs.conf import navigation, repository_url, rewrite_links
from tools import reference, tfvars
from tools.aws.transfer import stamp_faults
from tools.tfvars import parse_type
from trestle.http import log
from trestle.item import Item

ROOT = Path(__file__).resolve().parents[2]
READMES = (file for folder in ("modules", "examples") for file in sorted((ROOT / folder).glob("*/README.md")))
INDEXES = sorted((ROOT / "docs").rglob("index.md"))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "contract").glob("*.md"), *(ROOT / "docs").rglob("*.md"), *READMES]

# Entity tags that a page shows: after a header's name, or alone on a line about tags.
TAG = re.compile(r"""(?i:(?:etag|if-match|if-none-match): *(?:W/)?)"([^"\n]*)"|"([^"\s]*-\d+)\"""")
TAG_LINE = re.compile(r"^.*(?:etag|if-match|if-none-match).*$", re.IGNORECASE | re.MULTILINE)

LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")


def links(page: Path) -> list[tuple[str, str]]:
    """Return the text and target of a page's links into the repository."""
    found = LINK.findall(page.read_text())
    return [(text, target) for text, target in found if not target.startswith("https:")]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    texts = (LINK.sub(r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_have_targets(page: Path) -> None:
    for _, target in links(page):
        path, _, fragment = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not fragment or fragment in anchors(file), target


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.parent.name)
def test_an_index_lists_the_pages_of_its_folder(index: Path) -> None:
    pages = {page.name for page in index.parent.glob("*.md")} | {
        f"{each.parent.name}/index.md" for each in index.parent.glob("*/index.md")
    }
    assert set(navigation(index.read_text()).split("\n")) >= pages - {"index.md"}


def test_the_site_links_to_the_repository_for_files_outside_it() -> None:
    page = ROOT / "docs" / "how-to" / "x.md"
    for target, shown in [
        ("../../CHANGELOG.md#unreleased", "https://git.test/t/blob/main/CHANGELOG.md#unreleased"),
        ("../../examples", "https://git.test/t/tree/main/examples"),
        ("../reference/limits.md", "../reference/limits.md"),
        ("#anchor", "#anchor"),
        ("https://example.com/a", "https://example.com/a"),
    ]:
        assert rewrite_links(page, f"See [it]({target}).", "https://git.test/t") == f"See [it]({shown})."


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"TRESTLE_REPOSITORY_URL": "https://git.test/t/", "GITHUB_REPOSITORY": "a/b"}, "https://git.test/t"),
        ({"GITHUB_REPOSITORY": "a/b"}, "https://github.com/a/b"),
        ({"GITHUB_REPOSITORY": "a/b", "GITHUB_SERVER_URL": "https://git.test"}, "https://git.test/a/b"),
        ({}, "https://example.com/trestle"),
    ],
)
def test_the_site_links_to_the_repository_it_is_built_from(
    variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRESTLE_REPOSITORY_URL", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert repository_url() == url


def test_security_names_existing_tests() -> None:
    page = ROOT / "docs" / "explanation" / "security.md"
    named = [(name, target) for name, target in links(page) if name.startswith("test_")]
    assert named
    for name, target in named:
        assert f"def {name}(" in (page.parent / target).read_text(), name


def test_named_code_exists() -> None:
    """A page may name a module of the functions' code or a member of one: `trestle.item.join_key`."""
    named = {name for page in PAGES for name in re.findall(r"`(trestle(?:\.\w+)+)`", page.read_text())} - {"trestle.ts"}
    assert named
    for name in named:
        pkgutil.resolve_name(name)


# Names that only a root configuration has, never a tfvars file.
ROOT_BLOCK = re.compile(r'^(?:module|provider|resource) "', re.MULTILINE)


def shown_hcl(page: Path) -> list[str]:
    """Return a page's HCL blocks."""
    return [textwrap.dedent(text) for text in re.findall(r"^ *```hcl\n(.*?)^ *```", page.read_text(), re.M | re.S)]


def tfvars_faults(text: str, file: Path) -> list[str]:
    """Return the faults in names and types of a tfvars block."""
    file.write_text(text)
    variables = tfvars.variable_types(ROOT / "variables.tf")
    values = tfvars.parse(file, text)
    assert values
    return [*tfvars.name_faults(file, tfvars.keys_of(file, text), variables), *tfvars.type_faults(values, variables)]


def test_shown_tfvars_are_valid(tmp_path: Path) -> None:
    """A block may also show only the inside of `entities` or `functions`."""
    shown = [(page, text) for page in PAGES for text in shown_hcl(page) if not ROOT_BLOCK.search(text)]
    assert len(shown) > 10
    for page, text in shown:
        found = [
            tfvars_faults(each, tmp_path / "shown.tfvars")
            for each in (text, f"entities = {{\n{text}}}\n", f"functions = {{\n{text}}}\n")
        ]
        assert not all(found), f"{page.relative_to(ROOT)}:\n{text}{min(found, key=len)}"


def shown_tags(text: str) -> list[str]:
    """Return a page's entity tags without quotes; "..." stands for any tag."""
    found = [pair for line in TAG_LINE.findall(text) for pair in TAG.findall(line)]
    return [tag for header, alone in found if (tag := header or alone) != "..."]


def test_shown_entity_tags_have_the_real_format() -> None:
    shown = {str(page.relative_to(ROOT)): shown_tags(page.read_text()) for page in PAGES}
    assert shown["docs/reference/http-api.md"]
    for page, tags in shown.items():
        for tag in tags:
            created_at, _, version = tag.rpartition("-")
            item = Item("a", {}, created_at, created_at, int(version or 0))
            assert not list(stamp_faults(item.view())), f"{page}: {tag}"
            assert item.etag == f'"{tag}"'


def test_a_shown_tag_is_the_shown_items() -> None:
    """A reader who computes the tag of a page's item gets the page's tag."""
    text = (ROOT / "docs" / "reference" / "http-api.md").read_text()
    (tag, body) = re.findall(r'^ETag: ("[^"]+")\n\n(\{.*\})$', text, re.MULTILINE)[0]
    item = json.loads(body)
    assert tag == Item("a", {}, item["createdAt"], item["updatedAt"], item["version"]).etag


def test_each_attribute_of_a_type_is_a_row() -> None:
    rules = "optional(map(list(object({ kind = string, values = optional(map(string), {}) }))))"
    type_ = parse_type(
        f"map(object({{ a = optional(string), rules = {rules}, z = optional(object({{}}), {{ b = 7 }}) }}))"
    )
    assert [
        (path, reference.type_name(each), "required" if each.is_required else reference.hcl(each.default))
        for path, each in reference.rows_of(type_)
    ] == [
        ("NAME.a", "string", "null"),
        ("NAME.rules", "map(list(object))", "null"),
        ("NAME.rules.NAME[].kind", "string", "required"),
        ("NAME.rules.NAME[].values", "map(string)", "{}"),
        ("NAME.z", "object", "{ b = 7 }"),
    ]


def test_an_attribute_without_a_description_stops_the_reference() -> None:
    said, texts = {"a": "The a."}, {"x.b.c": "The c.", "d": "Any d."}
    shown = [reference.attribute_text("x", path, said, texts) for path in ("NAME.a", "b.c", "b.d")]
    assert shown == ["The a.", "The c.", "Any d."]
    with pytest.raises(ValueError, match=r"x\.b\.e"):
        reference.attribute_text("x", "b.e", said, texts)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1300


# How the code sets members of a log line: as an object, or one by one.
MEMBERS = re.compile(r"\b(?:fields|decision|known|line)(?:: dict\[str, Any\])? \|?= \{(.*?)\}", re.DOTALL)
MEMBER = re.compile(r"\b(?:fields|known|line)\[\"(\w+)\"\] \+?=")


def rows(page: str, heading: str) -> set[str]:
    """Return the names in the first column of a section's table."""
    text = (ROOT / "docs" / "reference" / page).read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_reference_has_each_member_of_a_line() -> None:
    folders = [ROOT / "lambda_src" / "trestle" / name for name in ("authorizer", "functions", "http")]
    code = "\n".join(file.read_text() for folder in folders for file in folder.glob("*.py"))
    objects = MEMBERS.findall(code)
    written = {name for each in objects for name in re.findall(r"\"(\w+)\":", each)} | {*MEMBER.findall(code)}
    assert written >= {"requestId", "attempt", "userAgent", "trace", "reason", "databaseRequests"}
    assert written <= rows("logs-and-metrics.md", "A function's line")


def test_the_reference_has_each_metric() -> None:
    metrics = {"Requests", "Latency", "Faults", *log._COUNTED.values(), *log._HAPPENED.values()}
    assert rows("logs-and-metrics.md", "Trestle's own metrics") == metrics


@pytest.mark.parametrize(
    ("draft", "current", "name"),
    [
        ({"title": "a"}, None, "a"),
        ({"name": "a"}, None, "a"),
        ({"title": "b", "name": "a"}, {"title": "a", "name": "a"}, "b"),
        ({"title": "a", "name": "b"}, {"title": "a", "name": "a"}, "b"),
        ({"title": "a"}, {"title": "a", "name": "a"}, None),
    ],
)
def test_the_renaming_pages_hook_keeps_both_names_equal(
    draft: dict[str, str], current: dict[str, str] | None, name: str | None
) -> None:
    page = (ROOT / "docs" / "how-to" / "rename.md").read_text()
    (code,) = re.findall(r"^   ```python\n(.*?)^   ```$", page, re.DOTALL | re.MULTILINE)
    hooks: dict[str, Any] = {}
    exec(textwrap.dedent(code), hooks)
    if current is None:
        hooks["before_create"](draft, None)
    else:
        hooks["before_update"](draft, current, None)
    assert draft.get("name") == name
    assert name is None or draft["title"] == name
