"""Trestle's version. pyproject.toml and CHANGELOG.md have the same."""

VERSION = "1.0.0"
