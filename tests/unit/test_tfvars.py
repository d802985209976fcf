"""Test that var-files that Terraform would misread or report badly are refused with place and remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit import commands
from tools import tfvars
from tools.aws import cost, environment, preflight
from tools.errors import UserError
from tools.laptop.systems import Systems
from tools.terraform import Terraform
from tools.terraform import environment as environment_of_aws

ROOT = Path(tfvars.__file__).resolve().parent.parent

# The other variables that a var-file needs.
BESIDE = {
    "entities": "entities = { todos = {} }",
    "environment": 'environment = "dev"',
    "name": 'name = "shop"',
}

# A tfvars and its message; of a message that ends in a list, only the list's beginning.
WRONG = {
    "entities = { todos = { operation = [] } }": (
        "entities.todos.operation: no such attribute; did you mean operations?"
    ),
    "entities = { todos = { schemas = null }, notes = { Path = null } }": (
        "entities.todos.schemas: no such attribute; did you mean schema?\n"
        "FILE: entities.notes.Path: no such attribute; did you mean path?"
    ),
    "entities = { todos = { function = { memorySize = 512 } } }": (
        "entities.todos.function.memorySize: no such attribute; did you mean memory_size?"
    ),
    "entities = { todos = { memory_size = 512 } }": (
        "entities.todos.memory_size: no such attribute; write it in function."
    ),
    "entity = { todos = {} }": "entity: no such variable; did you mean entities?",
    "memory_size = 512": "memory_size: no such variable; write it in entities.NAME.function.",
    "nat = null": "nat: no such variable; write it in network.",
    'network = { nats = "none" }': "network.nats: no such attribute; did you mean nat?",
    "usage_plans = { gold = { quota = { limits = 5 } } }": (
        "usage_plans.gold.quota.limits: no such attribute; did you mean limit?"
    ),
    'usage_plans = { gold = { period = "DAY" } }': ("usage_plans.gold.period: no such attribute; write it in quota."),
    "entities = ({ todos = {} })": "entities: its value is an expression; write it out, without",
    "entities = { todos = ({ idz = null }) }": "entities.todos: its value is an expression;",
    'entities = { for name in ["todos"] : name => {} }': "entities: its value is an expression;",
    "throttle = { zzz = 1 }": "throttle.zzz: no such attribute; write one of burst_limit, rate_limit.",
    'colour = "red"': "colour: no such variable; write one of alarms, api_key_values, api_keys, ",
}


@pytest.mark.parametrize("text", WRONG)
def test_an_undeclared_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(f"# mine\n{text}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value).startswith(f"{file}: {WRONG[text].replace('FILE', str(file))}")


# A tfvars and the numbers of the two lines that set the same name, from 1.
TWICE = {
    'entities = {\n t = {\n access = { default = "iam", default = "open" } } }': (
        "entities.t.access.default",
        3,
        3,
    ),
    'entities = {\n t = { access = {\n "default" = "iam"\n default = "open" } } }': (
        "entities.t.access.default",
        3,
        4,
    ),
    'entities = {\n items = {},\n "items" = {} }': ("entities.items", 2, 3),
    'entities = {\n items : {}\n ("items") : {} }': ("entities.items", 2, 3),
    'entities = {\n items = {}\n "\\u0069tems" = {} }': ("entities.items", 2, 3),
    'tags = {\n "é" = 1\n "e\u0301" = 2 }': ("tags.é", 2, 3),
    'entities = { t = {\n list = "created"\n path = "x"\n list = "unordered" } }': ("entities.t.list", 2, 4),
    "entities = {\n t = {\n }\n u = {}\n t = {} }": ("entities.t", 2, 5),
    'region = "a"\nentities = {}\nregion = "b"': ("region", 1, 3),
    "tags = {\n größe = 1\n größe = 2\n}": ("tags.größe", 2, 3),
    'tags = { # }\n a = "} # {" // {\n /* {\n */ b = <<-EOT\n  a = 1\n {\n EOT\n a = 2 }': ("tags.a", 2, 8),
    'tags = {\n a = "x${"}"}y"\n a = 2 }': ("tags.a", 2, 3),
    "tags = {\r\n a = 1\r\n a = 2\r\n}\r\n": ("tags.a", 2, 3),
}


@pytest.mark.parametrize("text", TWICE)
def test_a_name_that_is_set_twice(tmp_path: Path, text: str) -> None:
    file = tmp_path / "my.tfvars"
    file.write_bytes(text.encode())
    name, first, second = TWICE[text]
    lines = f"both in line {first}" if first == second else f"in lines {first} and {second}"
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value).splitlines()[0].startswith(f"{file}: {name} is set twice, {lines}; remove one")


def test_a_name_that_is_set_twice_in_json(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars.json"
    file.write_text(
        '{"name": "a", "entities": {"t": {"access": {"default": "iam",\n"default": "open"}},\n'
        '"\\u0074": {}},\n'
        '"tags": {"a": "\\"a", "b": [{"c": 1}, {"c": 2}]},\n"name": "b"}'
    )
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert [line.partition(";")[0] for line in str(caught.value).splitlines() if " is set twice" in line] == [
        f"{file}: entities.t.access.default is set twice, in lines 1 and 2",
        f"{file}: entities.t is set twice, in lines 1 and 3",
        f"{file}: name is set twice, in lines 1 and 5",
    ]


def test_similar_names_are_distinct(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    entities = 'entities = { a = { access = { get = "open" } }, A = { access = { get = "iam" } } }'
    file.write_text(
        f"{BESIDE['name']}\n{BESIDE['environment']}\n{entities}\n"
        'tags = { a = "a = 1", b = "{ a = 1, a = 2 }", c = true ? "a" : "a" }\n'
        'user_pool = { groups = [for group in ["a", "b"] : group] }\n'
    )
    tfvars.check([file])


def test_a_later_file_may_set_a_name_again(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tfvars", tmp_path / "b.tfvars"
    first.write_text(f"{BESIDE['name']}\n{BESIDE['entities']}\n")
    second.write_text(f"{BESIDE['name']}\n{BESIDE['environment']}\n")
    tfvars.check([first, second])
    with pytest.raises(UserError, match=r'a\.tfvars: environment is missing; write environment = "dev"\.$'):
        tfvars.check([first])


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("text", ["", "# nothing\n", "NAME = null\n"])
def test_a_missing_variable(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / "my.tfvars"
    beside = [line for other, line in BESIDE.items() if other != name]
    file.write_text("\n".join([*beside, text.replace("NAME", name)]))
    missing = "null" if "null" in text else "missing"
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value) == f"{file}: {name} is {missing}; write {BESIDE[name]}."


def test_an_empty_file_lacks_all_variables(tmp_path: Path) -> None:
    for name, text in [("my.tfvars", ""), ("my.tfvars.json", "{}")]:
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError) as caught:
            tfvars.check([tmp_path / name])
        wanted = [f"{tmp_path / name}: {each} is missing; write {BESIDE[each]}." for each in BESIDE]
        assert str(caught.value).splitlines() == wanted


def test_other_sources_of_variables_count(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(BESIDE["entities"])
    tfvars.check([file], {"TF_VAR_name": "shop", "TF_VAR_environment": "dev", "HOME": "/"})


# A value that its variable does not allow, and the message.
MISTYPED = {
    'entities = ["todos"]': "entities is a list; write entities = { todos = {} }.",
    "entities = 1": "entities is 1; write entities = { todos = {} }.",
    "entities = { todos = null }": "entities.todos is null; write todos = {}, or remove it.",
    'entities = { todos = { access = "open" } }': (
        'entities.todos.access is "open"; write access = { default = "open" }.'
    ),
    "entities = { todos = { access = { get = null } } }": (
        'entities.todos.access.get is null; write get = "...", or remove it.'
    ),
    "entities = { todos = { filters = { status = null } } }": (
        "entities.todos.filters.status is null; write status = {}, or remove it."
    ),
    'entities = { todos = { function = { memory_size = "big" } } }': (
        'entities.todos.function.memory_size is "big"; write a number, such as 256.'
    ),
    'entities = { todos = { function = { snap_start = "yes" } } }': (
        'entities.todos.function.snap_start is "yes"; write true or false.'
    ),
    "entities = { todos = { function = { timeout = true } } }": (
        "entities.todos.function.timeout is true; write a number, such as 30."
    ),
    'entities = { todos = { operations = "get" } }': (
        'entities.todos.operations is "get"; write operations = ["get"].'
    ),
    "entities = { todos = { operations = [null] } }": (
        'entities.todos.operations[0] is null; write "...", or remove it.'
    ),
    "entities = { todos = { schema = {} } }": 'entities.todos.schema is an object; write schema = "...".',
    'cors_origins = "*"': 'cors_origins is "*"; write cors_origins = ["*"].',
    "cors_origins = {}": 'cors_origins is an object; write cors_origins = ["..."].',
    'tags = "Team"': 'tags is "Team"; write tags = { NAME = "Team" }.',
    "cors_origins = [[]]": 'cors_origins[0] is a list; write "...".',
    "tags = { Team = null }": 'tags.Team is null; write Team = "...", or remove it.',
    'usage_plans = { gold = { quota = { period = "DAY" } } }': (
        "usage_plans.gold.quota.limit is missing; write a number, such as 1."
    ),
    "usage_plans = { gold = { quota = { limit = null } } }": (
        "usage_plans.gold.quota.limit is null; write a number, such as 1."
    ),
    "name = {}": 'name is an object; write name = "shop".',
}


@pytest.mark.parametrize("text", MISTYPED)
def test_a_value_of_another_type(tmp_path: Path, text: str) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value) == f"{file}: {MISTYPED[text]}"


def test_values_that_terraform_converts_or_ignores(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(
        'name = 5\nenvironment = true\nlog_retention_days = "30"\ndashboard = "false"\ntags = null\n'
        'entities = { a = { function = { memory_size = "1e3", timeout = -5 }, path = null } }\n'
    )
    tfvars.check([file])


# A file's bytes, and the message.
BYTES = {
    'name = "ü"'.encode("utf-16"): "is in UTF-16: save it as UTF-8.",
    'name = "ü"'.encode("utf-32"): "is in UTF-32: save it as UTF-8.",
    'name = "ü"'.encode("utf-16-le"): "is in UTF-16 or UTF-32, or not a text at all: save it as UTF-8.",
    b"\x89PNG\r\n\x1a\n": "is not UTF-8 (byte 0x89 in line 1): save it as UTF-8.",
    '# eins\nname = "ü"'.encode("latin-1"): "is not UTF-8 (byte 0xfc in line 2): save it as UTF-8.",
    b'name = "a"\n\0': "has a NUL byte in line 2: remove it, or save the text again as UTF-8.",
}


@pytest.mark.parametrize("data", BYTES)
def test_a_file_that_is_not_text(tmp_path: Path, data: bytes) -> None:
    for name in ("my.tfvars", "my.tfvars.json"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError) as caught:
            tfvars.check([tmp_path / name])
        assert str(caught.value) == f"{tmp_path / name} {BYTES[data]}"


def test_a_path_that_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = tmp_path / "loop.tfvars"
    loop.symlink_to(loop)
    secret = tmp_path / "secret.tfvars"
    secret.write_text("")
    denied = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "read_bytes", lambda _: (_ for _ in ()).throw(denied))
    for path, said in {
        tmp_path: " is a folder: name a file in it, such as",
        Path("/dev/null"): " is not a regular file: save",
        tmp_path / "none.tfvars": ": name an existing file",
        tmp_path / ("x" * 300): " cannot be read (File name too long): make",
        loop: " cannot be read (Too many levels of symbolic links): make",
        secret: " cannot be read (Permission denied): make it readable",
    }.items():
        with pytest.raises(UserError) as caught:
            tfvars.check([path])
        assert f"{path}{said}" in str(caught.value)


def test_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars.json"
    file.write_text(json.dumps({"entities": {"todos": {"list": "created", "acces": {}}}}))
    with pytest.raises(UserError, match=r"entities\.todos\.acces: no such attribute; did you mean access\?"):
        tfvars.check([file])


@pytest.mark.parametrize("name", ["a.json", ".json", "x.tfvars.json", "x.tfvars.JSON", "a.Json", "a.json.tfvars"])
def test_json_is_recognised_by_the_file_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "main.tf").write_text('variable "x" {}\n')
    file = tmp_path / name
    tool = Terraform(tmp_path, environment_of_aws("http://127.0.0.1:1", "us-east-1"))
    for text, is_json in (('{"x": "json"}', True), ('x = "hcl"', False)):
        file.write_text(text)
        ours = tfvars.read(file)
        try:
            assert ours == {"x": tool.evaluate("var.x", [f"-var-file={file}"])}
        except UserError:
            assert ours is None
            # With another file name it is refused, with a remedy.
            with pytest.raises(UserError, match=re.escape(name)) as caught:
                tfvars.check_names([file], tfvars.Type("object"))
            assert str(caught.value).endswith("in lower case: rename it.") == is_json


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text("nat = null\n", encoding="utf-8-sig")
    with pytest.raises(UserError, match="nat: no such variable"):
        tfvars.check([file])
    file = tmp_path / "my.tfvars.json"
    file.write_text("{}", encoding="utf-8-sig")  # Terraform stops there
    with pytest.raises(UserError, match="begins with a byte order mark, which is not JSON: save it as UTF-8"):
        tfvars.check([file])


def test_files_that_the_parser_cannot_read_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text('tags = { größe = "L" }\nnat = null\n', encoding="utf-8")
    assert tfvars.read(file) is None
    with pytest.raises(UserError, match="nat: no such variable; write it in network"):
        tfvars.check([file])


@pytest.mark.parametrize("text", ["entities = { (todos) = {} }", 'entities = { "${"todos"}" = {} }'])
def test_a_name_that_is_computed(tmp_path: Path, text: str) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(f"\n{text}\n")
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value) == f"{file}: in entities, line 2: a name is an expression; write it as plain text."


def test_the_repositorys_tfvars_are_valid() -> None:
    ours = [*ROOT.glob("environments/*.tfvars"), *ROOT.glob("examples/*.tfvars")]
    assert len(ours) > 4
    assert all(tfvars.read(file) for file in ours)
    tfvars.check(ours)


@pytest.mark.parametrize("text", ["entities = {", 'name = "a', "tags = [)", "tags = [\n[" + "[" * 5000])
def test_faults_that_terraform_reports_well_are_left_to_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "my.tfvars").write_text(text, encoding="utf-8")
    tfvars.check([tmp_path / "my.tfvars"])


ENDS = "the JSON ends early; close its quotation marks, braces and brackets."
ODD_SIGN = "this is not JSON; look for a missing or surplus comma or quotation mark."
BROKEN_JSON = {
    "": f"line 1: {ENDS}",
    " \n": f"line 2: {ENDS}",
    "{": f"line 1: {ENDS}",
    '{\n "name": "shop",\n "environment"\n': f"line 4: {ENDS}",
    '{"name": "sho': f"line 1: {ENDS}",
    '{"name": "shop"': f"line 1: {ENDS}",
    '{"entities": {"todos": {}}': f"line 1: {ENDS}",
    '{"name": "shop",}': f"line 1, column 17: {ODD_SIGN}",
    '{"name": "shop"\n "environment": "dev"}': f"line 2, column 2: {ODD_SIGN}",
    "{'name': 'shop'}": f"line 1, column 2: {ODD_SIGN}",
    '{"name": "shop"} {}': f"line 1, column 18: {ODD_SIGN}",
    'name = "shop"': f"line 1, column 1: {ODD_SIGN}",
    '{\n// mine\n"name": "shop"}': "line 2, column 1: JSON has no comments; remove it.",
    "# mine\n{}": "line 1, column 1: JSON has no comments; remove it.",
    '{"log_retention_days": NaN}': "NaN is not JSON; write a number, or null.",
    "[]": "it is a list; write an object, such as {}.",
    '"shop"': 'it is "shop"; write an object, such as {}.',
    "[" * 100_000: "its objects and lists are nested too deeply; write fewer levels.",
}


@pytest.mark.parametrize("text", BROKEN_JSON, ids=range(len(BROKEN_JSON)))
def test_broken_json_is_reported_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "my.tfvars.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value) == f"{file}: {BROKEN_JSON[text]}"


def test_every_attribute_of_every_variable_is_known() -> None:
    variables = tfvars.variable_types(ROOT / "variables.tf")
    assert variables.attributes
    plan = variables.attributes["usage_plans"].element
    assert plan
    assert set(plan.attributes or ()) == {"burst_limit", "quota", "rate_limit"}
    assert set((plan.attributes or {})["quota"].attributes or ()) == {"limit", "period"}
    assert variables.attributes["tags"].kind == "map"
    assert variables.attributes["tags"].element == tfvars.Type(is_required=False)
    required = [name for name, kind in variables.attributes.items() if kind.is_required]
    assert required == [*tfvars.EXAMPLES]


def test_every_command_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRESTLE_LOCAL_DIR", str(tmp_path / "stack"))
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for module in (cost, environment, preflight):
        monkeypatch.setattr(module, "build_functions", lambda _, **options: None)
    (tmp_path / "environments").mkdir()
    file = tmp_path / "environments" / "my.tfvars"
    for text, said in {
        "entities = { todos = { idz = null } }\n": "did you mean ids",
        'name = "a"\nname = "b"': "name is set twice, in lines 1 and 2",
        "": "name is missing",
    }.items():
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=said):
            Systems(tmp_path / "stack").up([file])
        assert (commands.run("cost", "--var-file", file), commands.run("preflight", "--env", "my")) == (1, 1)
        shown = capsys.readouterr()
        assert said in shown.err
        assert said in shown.out
        for command in ("plan", "deploy", "smoke", "openapi"):
            assert commands.run(command, "--env", "my") == 1
            assert said in capsys.readouterr().err
    assert not (tmp_path / "stack").exists()


def test_files_that_terraform_loads_automatically_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfvars, "ROOT", tmp_path)
    given = [tmp_path / "dev.tfvars"]
    names = ["terraform.tfvars", "a.auto.tfvars", "b.auto.tfvars.json"]
    for name in (*names, "other.tfvars", "c.auto.tfvars.bak", "d.auto.tfvars~"):
        (tmp_path / name).write_text("")
    assert tfvars.all_var_files(given) == [*(tmp_path / name for name in names), *given]


def test_the_region_may_be_in_an_automatically_loaded_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "variables.tf").write_text((ROOT / "variables.tf").read_text())
    monkeypatch.setattr(tfvars, "ROOT", tmp_path)
    given = tmp_path / "dev.tfvars"
    given.write_text('name = "shop"\n')
    assert tfvars.region_of(given) == "us-west-2"
    monkeypatch.setenv("TF_VAR_region", "ap-south-1")
    assert tfvars.region_of(given) == "ap-south-1"
    (tmp_path / "a.auto.tfvars").write_text('region = "eu-west-1"\n')
    assert tfvars.region_of(given) == "eu-west-1"
    given.write_text('region = "eu-central-1"\n')
    assert tfvars.region_of(given) == "eu-central-1"
