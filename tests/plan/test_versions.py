"""The configuration works with all versions that it allows of the AWS provider, Terraform and OpenTofu.

The schema of version 6 of the provider comes from the types that CDK Terrain publishes for it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2.rules.base import AttributeRule, BlockRule

from tools.sources import sources
from tools.terraform import ROOT

# The types of hashicorp/aws 6.69.1.
PACKAGE = "cdktn-provider-aws==25.8.1"
DIGEST = "sha256:2ffa579cb88b063cb3a9937e43c519391e876845768f51638a848bdf2ce9f354"

# A block's content: the bodies of the blocks with a name, or None if the name is an argument.
Body = dict[str, Any]

# Terraform's own arguments.
META = {"count", "depends_on", "for_each", "lifecycle", "provider"}

# The functions that the configuration uses, which Terraform 1.11 to 1.15 and OpenTofu 1.10 to 1.12
# have in common, and functions that only one of the two has.
BLOCKS = {"check", "data", "locals", "module", "moved", "output", "provider", "resource", "terraform", "variable"}
OF_VARIABLES = {"default", "description", "nullable", "sensitive", "type", "validation"}
OF_LIFECYCLES = {
    "create_before_destroy", "ignore_changes", "postcondition", "precondition", "prevent_destroy",
    "replace_triggered_by",
}  # fmt: skip
NOT_COMMON = r"\b(?:base64gunzip|cidrcontains|convert|ephemeralasnull|provider::\w+::\w+|urldecode)\("

REFERENCE = re.compile(r"\b(data\.)?(aws_[a-z0-9_]+)\.\w+(?:\[(?:[^][]|\[[^]]*\])*\]|\.\*)*\.([a-z][a-z0-9_]*)")

# The deprecated parts of the types in use in version 6, from its documentation. GSIs' `hash_key` and
# `range_key` are missing, because their successor `key_schema` is not in 5.100.
DEPRECATED = {
    "aws_cloudfront_distribution.default_cache_behavior.forwarded_values",
    "aws_cloudfront_distribution.ordered_cache_behavior.forwarded_values",
    "aws_cloudwatch_event_rule.is_enabled",
    "aws_iam_role.inline_policy",
    "aws_iam_role.managed_policy_arns",
    "aws_s3_bucket_lifecycle_configuration.rule.prefix",
    "data.aws_region.name",
    *(
        f"aws_s3_bucket.{name}"
        for name in (
            "acceleration_status", "acl", "cors_rule", "grant", "lifecycle_rule", "logging", "policy", "request_payer",
            "object_lock_configuration", "replication_configuration", "server_side_encryption_configuration",
            "versioning", "website",
        )
    ),
    *(
        f"aws_s3_bucket_{name}.expected_bucket_owner"
        for name in (
            "lifecycle_configuration", "logging", "object_lock_configuration", "server_side_encryption_configuration",
            "versioning",
        )
    ),
}  # fmt: skip


# The types' text for each parameter, which links to it by its name in Terraform.
DOCUMENTED = re.compile(r"^:param (\w+): (.*)$", re.MULTILINE)
TERRAFORM_NAME = re.compile(r"\{@link \S+#(\w+) \w+#\1\}")


def comparable_name(name: str) -> str:
    """Return an attribute's name for comparison, because the types have converted some to camel case and back."""
    return name.replace("_", "")


@dataclass(frozen=True)
class Schema:
    """The arguments and attributes of a resource or data source, with the structs of its blocks."""

    name: str
    structs: dict[str, dict[str, tuple[str, bool, bool]]]  # by argument: annotation, is required, is a block
    attributes: set[str]


def schema_of(name: str, text: str) -> Schema:
    """Return the schema in a module of the package, such as that of aws_lambda_function in lambda_function."""
    structs, attributes, main = {}, set(), ""
    for each in ast.parse(text).body:
        if not isinstance(each, ast.ClassDef):
            continue
        functions = {f.name: f for f in each.body if isinstance(f, ast.FunctionDef)}
        if re.search(r"Terraform(Resource|DataSource|Provider)$", ast.unparse(each.bases[0]) if each.bases else ""):
            attributes = {comparable_name(function) for function in functions}
            main = each.name
        elif "__init__" not in functions or (each.bases and each.name != f"{main}Config"):
            continue
        init = functions["__init__"]
        defaults = dict(zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True))
        lines = dict(DOCUMENTED.findall(ast.get_docstring(init) or ""))
        structs[each.name] = {
            names[1]: (ast.unparse(argument.annotation or argument), default is None, " block. Docs" in line)
            for argument, default in defaults.items()
            if (line := lines.get(argument.arg)) and (names := TERRAFORM_NAME.search(line))
        }
    return Schema(name, {"": structs.pop(main), **structs}, attributes)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The package that holds the types."""
    folder = tmp_path_factory.mktemp("types")
    (folder / "locked.txt").write_text(f"{PACKAGE} --hash={DIGEST}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]
    subprocess.run([*command, "--dest", folder, "--requirement", folder / "locked.txt"], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        yield file


def load_schema(package: zipfile.ZipFile, kind: str) -> Schema | None:
    """Return the schema of a type such as aws_kms_key or data.aws_region, or None if there is none."""
    module = kind.replace("data.aws_", "data_aws_").removeprefix("aws_")
    file = f"cdktn_provider_aws/{module}/__init__.py"
    return schema_of(kind, package.read(file).decode()) if file in package.NameToInfo else None


def configuration_files() -> list[Path]:
    """Return all files of the configuration."""
    folders = [ROOT / name for name in ("bootstrap", "examples", "modules")]
    return [*sources(ROOT, "*.tf"), *(file for folder in folders for file in sources(folder, "**/*.tf"))]


def blocks_of(body: Any) -> Iterator[tuple[list[str], Any]]:
    """Yield the words before each block of a body, such as ["resource", "aws_kms_key", "this"], and its body."""
    for block in body.children:
        if isinstance(block, BlockRule):
            yield [str(label.serialize()).strip('"') for label in block.labels], block.body


def read_body(body: Any) -> Body:
    """Return a body's content. A dynamic block counts as the block that it creates."""
    found: Body = {}
    for child in body.children:
        if isinstance(child, AttributeRule):
            found[str(child.identifier.serialize())] = None
    for (name, *labels), inner in blocks_of(body):
        if name == "dynamic":
            found.setdefault(labels[0], []).extend(
                read_body(each) for (word, *_), each in blocks_of(inner) if word == "content"
            )
        else:
            found.setdefault(name, []).append(read_body(inner))
    return {name: value for name, value in found.items() if name not in META}


def used_blocks() -> Iterator[tuple[str, str, Body]]:
    """Yield the resources, data sources and providers of AWS in all of the configuration: type, place and body."""
    for file in configuration_files():
        for words, body in blocks_of(hcl2.parses(file.read_text()).body):
            if words == ["provider", "aws"]:
                yield "provider", str(file.relative_to(ROOT)), read_body(body)
            elif words[0] in ("resource", "data") and words[1].startswith("aws_"):
                kind = f"data.{words[1]}" if words[0] == "data" else words[1]
                yield kind, f"{file.relative_to(ROOT)}: {words[2]}", read_body(body)


def schema_faults(schema: Schema, body: Body, struct: str = "", path: str = "") -> Iterator[str]:
    """Yield a block's arguments that the schema does not allow, that are missing, or that are deprecated."""
    known = schema.structs[struct]
    wanted = {name for name, (_, is_required, _) in known.items() if is_required}
    for missing in sorted(wanted - body.keys()):
        yield f"{path}{missing} is missing"
    for name, blocks in body.items():
        here = f"{path}{name}"
        if name not in known:
            yield f"{here} is unknown"
            continue
        if f"{schema.name}.{here}" in DEPRECATED:
            yield f"{here} is deprecated"
        annotation, _, is_block = known[name]
        structs = set(re.findall(r"\w+", annotation)) & schema.structs.keys()
        if blocks is None and is_block:
            yield f"{here} is a block"
        elif blocks and not is_block and not structs:  # an argument that holds objects may be written as blocks
            yield f"{here} is no block"
        for each, struct_of_block in product(blocks or (), structs):
            yield from schema_faults(schema, each, struct_of_block, f"{here}.")


@pytest.mark.slow
def test_version_6_takes_every_resource(package: zipfile.ZipFile) -> None:
    found, seen = [], 0
    for kind, where, body in used_blocks():
        seen += 1
        known = load_schema(package, kind)
        found += [f"{where}: {kind}.{fault}" for fault in (schema_faults(known, body) if known else ["is unknown"])]
    assert found == []
    assert seen > 100


@pytest.mark.slow
def test_version_6_has_every_attribute(package: zipfile.ZipFile) -> None:
    found = {match.groups("") for file in configuration_files() for match in REFERENCE.finditer(file.read_text())}
    assert len(found) > 50
    missing = []
    for prefix, kind, attribute in sorted(found):
        known = load_schema(package, f"{prefix}{kind}")
        if (
            known is None
            or comparable_name(attribute) not in known.attributes
            or f"{prefix}{kind}.{attribute}" in DEPRECATED
        ):
            missing.append(f"{prefix}{kind}.{attribute}")
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "body", "fault"),
    [
        ("aws_api_gateway_deployment", {"rest_api_id": None, "stage_name": None}, "stage_name is unknown"),
        ("aws_flow_log", {"log_group_name": None}, "log_group_name is unknown"),
        ("aws_eip", {"vpc": None}, "vpc is unknown"),
        (
            "aws_iam_role",
            {"assume_role_policy": None, "managed_policy_arns": None},
            "managed_policy_arns is deprecated",
        ),
        ("aws_kms_alias", {}, "target_key_id is missing"),
        ("aws_lambda_function", {"environment": None}, "environment is a block"),
        ("aws_dynamodb_table", {"ttl": [{"on": None}]}, "ttl.on is unknown"),
        ("aws_sns_topic", {"name": [{}]}, "name is no block"),
    ],
)
def test_what_version_6_does_not_take_is_found(package: zipfile.ZipFile, kind: str, body: Body, fault: str) -> None:
    known = load_schema(package, kind)
    assert known
    assert fault in list(schema_faults(known, body))


def test_the_language_is_that_of_terraform_and_of_opentofu() -> None:
    kinds, of_variables, of_lifecycles = set(), set(), set()
    for file in configuration_files():
        text = file.read_text()  # as `terraform fmt` formats it
        assert re.findall(NOT_COMMON, text) == [], file
        for kind, body in re.findall(r"^(\w+)[^{}\n]* \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
            kinds.add(kind)
            of_variables |= set(re.findall(r"^  (\w+)(?: +=| \{)", body, re.MULTILINE)) if kind == "variable" else set()
            for inner in re.findall(r"^  lifecycle \{\n(.*?)^  \}", body, re.MULTILINE | re.DOTALL):
                of_lifecycles |= set(re.findall(r"^    (\w+)(?: +=| \{)", inner, re.MULTILINE))
    assert kinds == BLOCKS
    assert of_variables == OF_VARIABLES
    assert of_lifecycles == OF_LIFECYCLES


def test_the_admitted_versions_are_those_that_are_tried() -> None:
    """OpenTofu compares `required_version` with its own version; 1.10 is its first with the S3 backend's lock file."""
    files = [ROOT / name / "versions.tf" for name in (".", "bootstrap", "modules/service")]
    for file in files:
        text = file.read_text()
        assert re.findall(r'version += "(.*)"', text) == [">= 1.10.0", ">= 5.100, < 7"], file
    locks = [ROOT / name / ".terraform.lock.hcl" for name in (".", "bootstrap")]
    assert {re.findall(r'constraints = "(.*)"', lock.read_text())[0] for lock in locks} == {">= 5.100.0, < 7.0.0"}
