"""Test your own code: pytest's fixture `system` is the API of a var-file in the test's process.

Functions' packages do not contain this module.
"""

from __future__ import annotations

from tools.testing.clock import Clock
from tools.testing.own import Secrets
from tools.testing.plugin import _projects, pytest_addoption, pytest_configure, system
from tools.testing.system import Answer, Client, Items, Lists, System

__all__ = (
    "Answer",
    "Client",
    "Clock",
    "Items",
    "Lists",
    "Secrets",
    "System",
    "_projects",
    "pytest_addoption",
    "pytest_configure",
    "system",
)
