"""Define pytest's fixture `system`, and the marker and setting that choose its var-file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.errors import UserError
from tools.testing.project import Project, read_project
from tools.testing.system import System

SETTING = "system_var_file"
DEFAULT = "environments/local.tfvars"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(SETTING, "the var-file of the fixture `system`, relative to the root folder", default=DEFAULT)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "system(var_file, *, folder='.'): the fixture's var-file and the project's folder, relative to the root folder",
    )


@pytest.fixture(scope="session")
def _projects() -> dict[Path, Project]:
    """The projects of this session, by var-file."""
    return {}


@pytest.fixture
def system(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _projects: dict[Path, Project]
) -> Iterator[System]:
    """The API of a var-file, with empty tables."""
    from moto import mock_aws

    marker = request.node.get_closest_marker("system")
    named = marker.args[0] if marker and marker.args else request.config.getini(SETTING)
    folder = request.config.rootpath / (marker.kwargs.get("folder", "") if marker else "")
    var_file = request.config.rootpath / named
    fault = ""
    if var_file not in _projects:
        try:
            _projects[var_file] = read_project(folder, var_file)
        except UserError as error:
            fault = str(error)
    if fault:  # outside of the except clause, whose traceback pytest would show
        pytest.fail(fault, pytrace=False)
    with mock_aws():
        yield System(_projects[var_file], monkeypatch)
