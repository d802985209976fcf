"""Trestle's version, equal to that in pyproject.toml and CHANGELOG.md."""

VERSION = "1.0.0"
