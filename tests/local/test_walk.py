"""Test an environment's life in AWS with make in a fresh clone, as a user would, with the emulator as AWS."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from tests.local.clone import Clone
from tools.terraform import find_mirror

# A release without a canary; other tests cover canaries.
AT_ONCE = json.dumps({"minutes": 0, "percent": 100})


@pytest.mark.slow
def test_from_bootstrap_to_destroy(clone: Clone) -> None:
    make = clone.make

    # Before anything exists, a sentence says what to do.
    said = make("plan", "ENV=dev", code=1)
    assert "environments/dev.s3.tfbackend has no bucket. Run `make bootstrap`" in said
    assert "required by the backend" not in said
    assert "stop     state" in make("preflight", "ENV=dev", code=1)

    said = make("bootstrap", "WRITE=1", "ARGS=-auto-approve -no-color")
    assert "is in environments/dev.s3.tfbackend, environments/prod.s3.tfbackend" in said
    state = "trestle-state-000000000000-us-west-2"
    assert f'bucket       = "{state}"' in (clone.folder / "environments/dev.s3.tfbackend").read_text()
    # Without input the plan is shown, and nothing is applied.
    said = make("bootstrap", "ARGS=-no-color -var region=eu-west-1", code=1)
    assert "Plan: 9 to add, 0 to change, 0 to destroy." in said
    assert len(list((clone.folder / "bootstrap").glob("*.tfstate"))) == 1

    assert "Nothing is deployed yet." in make("preflight", "ENV=dev")
    said = make("deploy", "ENV=dev", "ARGS=-auto-approve -no-color")
    assert "OK: create, read, list, change, delete, 404" in said
    kept = clone.client("s3").head_object(Bucket=state, Key="trestle/dev.tfstate")
    assert kept["ServerSideEncryption"] == "aws:kms"
    unchanged = ("plan", "ENV=dev", "ARGS=-no-color -detailed-exitcode")
    assert "No changes." in make(*unchanged)
    said = make("preflight", "ENV=dev")
    assert "0 made, 0 changed, 0 deleted." in said
    assert "stop " not in said

    said = make("outputs", "ENV=dev")
    assert "amazonaws.com/dev" not in said
    items = clone.api(said)
    made = items("POST", "", {"name": "pen"})
    assert made.status == 201
    assert re.search(r" 201 items\.create [\d.]+ ms ", make("logs", "ENV=dev", "ENTITY=items"))
    make("export", "ENV=dev", "ENTITY=items")
    exported_items = clone.folder / "items-dev.jsonl"
    line = json.loads(exported_items.read_text())
    assert line == made.json
    (clone.folder / "more.jsonl").write_text(json.dumps(line | {"id": "more"}) + "\n")
    assert "1 written" in make("import", "ENV=dev", "ENTITY=items", "FILE=more.jsonl")
    assert items("GET", "/more").json["name"] == "pen"
    assert "2 items read, 0 changed." in make("reindex", "ENV=dev", "ENTITY=items")
    make("openapi", "ENV=dev")
    document = json.loads((clone.folder / "openapi-dev.json").read_text())
    assert "/items" in document["paths"]
    assert items.url == document["servers"][0]["url"] + "/items"
    assert "1,000,000 requests a month" in make("cost", "ENV=dev")

    # New code in every function.
    with (clone.folder / "lambda_src/trestle/strict_json.py").open("a") as code:
        code.write("\nCHANGED = True\n")
    said = make("release", "ENV=dev", "ARGS=-auto-approve -no-color", TF_VAR_release=AT_ONCE)
    assert "Released: the new versions serve all requests." in said
    assert "trestle-items-create-dev   2 " in make("live", "ENV=dev")
    assert "trestle-items-create-dev 2 -> 1" in make("rollback", "ENV=dev")
    assert "trestle-items-create-dev   1 " in make("live", "ENV=dev")
    assert "No changes." in make(*unchanged)
    assert items("GET", "/more").status == 200

    # Commands that would lose all data stop: another region, and a deleted table.
    said = make("plan", "ENV=dev", code=1, TF_VAR_region="eu-west-1")
    assert "dev is deployed in us-west-2, but its tfvars say eu-west-1" in said
    clone.client("dynamodb").delete_table(TableName="trestle-items-dev")
    said = make("preflight", "ENV=dev", code=1)
    assert 'module.table["items"].aws_dynamodb_table.this was deleted outside of Terraform' in said

    said = make("destroy", "ENV=dev", "ARGS=-auto-approve -no-color")
    assert "Destroy complete!" in said
    assert clone.client("lambda").list_functions()["Functions"] == []
    assert "Nothing is deployed yet." in make("preflight", "ENV=dev")


@pytest.mark.slow
def test_a_deployed_production_environment_has_no_changes(clone: Clone) -> None:
    """Production also has alarms and a console; a resource that never settles would show up in its plan."""
    clone.make("bootstrap", "WRITE=1", "ARGS=-auto-approve -no-color")
    # A command by hand that would replace the bucket with every environment's state.
    mirror = [f"-plugin-dir={folder}"] if (folder := find_mirror()) else []
    terraform = ["terraform", "-chdir=bootstrap"]
    known = {**os.environ, **clone.variables}
    (file,) = (clone.folder / "bootstrap").glob("*.tfstate")
    place = f"-backend-config=path={file}"
    subprocess.run([*terraform, "init", "-reconfigure", place, *mirror], cwd=clone.folder, check=True, env=known)
    other = subprocess.run(
        [*terraform, "plan", "-no-color", "-var=name=other"],
        cwd=clone.folder, check=False, env=known, capture_output=True, text=True,
    )  # fmt: skip
    assert other.returncode == 1
    assert "aws_s3_bucket.state has lifecycle.prevent_destroy set" in " ".join(other.stderr.split())

    said = clone.make("deploy", "ENV=prod", "ARGS=-auto-approve -no-color")
    assert "OK: create, read, list, change, delete, 404" in said
    assert "No changes." in clone.make("plan", "ENV=prod", "ARGS=-no-color -detailed-exitcode")
    said = clone.make("destroy", "ENV=prod", "ARGS=-auto-approve -no-color", code=1)
    assert "Protected: " in said
