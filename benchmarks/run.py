"""Measure all that benchmarks/ compares, print the tables and write RESULTS.md. `make bench` runs this."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import build  # noqa: E402 - sys.path comes first
from benchmarks import hooks, operations, peers, routes  # noqa: E402 - as above
from benchmarks.bench import Bench  # noqa: E402 - as above

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
TABLES = {"operations": operations.table, "peers": peers.table, "hooks": hooks.table, "routes": routes.table}

METHOD = """# Benchmark

## Each operation against a tutorial handler

{operations}

## The same two operations by other means

Ratios are to the tutorial handler. All others validate what a client sends by the same rules. Each is written as its
own documentation shows ([benchmarks/handlers](handlers)). Trestle also writes a log line with metrics for each request;
the others do not.

{peers}

## What an empty hook costs

The same operation with a hook that does nothing, against the one without. A hook that needs the current item costs
the request that reads it.

{hooks}

## A route of your own

A route that reads an item, and changes it if nobody else has done so meanwhile, in own code and in a Powertools
resolver. Both validate the body by the same rules.

{routes}

## How it is measured

{machine}

`make bench` runs each handler in fresh processes, all of a table in turn, and counts their CPU time. Figures are
medians of {rounds} rounds; ratios and differences are medians of those of each round.
The tutorial handler (`handlers/tutorial`) is one function for all routes on `boto3.resource`. boto3 and the frameworks
are compiled beforehand, as boto3 is in Lambda. Trestle's functions are the unpacked zips. `python -S` keeps the
machine's own site-packages out of all.

- Cold: the import of the handler and its first request, with connection, TLS handshake and signature.
- With the interpreter: the same and Python's own start, which all pay alike.
- Warm: the mean of {warm} more requests on the kept connection.
- DynamoDB requests: counted where they arrive, during one cold request of ours.

DynamoDB is a fake in another process that sends canned responses over TLS, with an RSA chain of three
certificates as DynamoDB's is; its time is not counted. Each side loads the roots it would load in Lambda,
boto3 a whole bundle, Trestle and the floor Amazon's, and the fake's.
"""


def machine(bench: Bench) -> str:
    """Return what the figures were measured on."""
    runtime = "Lambda's" if bench.version.startswith(f"{build.RUNTIME}.") else f"not Lambda's {build.RUNTIME}"
    found = {each.name.lower(): each.version for each in importlib.metadata.distributions(path=[str(bench.packages)])}
    names = ("boto3", "botocore", "aws-lambda-powertools", "pydantic", "fastapi", "mangum", "chalice")
    versions = ", ".join(
        f"{name} {found[name.replace('-', '_')] if name not in found else found[name]}" for name in names
    )
    return (
        f"CPU time, Python {bench.version} ({runtime}), {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors; {versions}."
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="processes per handler and operation")
    parser.add_argument("--warm", type=int, default=200, help="warm requests per process")
    parser.add_argument("--only", choices=TABLES, help="measure one table, and leave RESULTS.md as it is")
    options = parser.parse_args()
    if build.main([]):
        return 1
    tables = {}
    for name in [options.only] if options.only else TABLES:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder))
            tables[name] = TABLES[name](bench, options.rounds, options.warm)
        print(tables[name])
    if not options.only:
        text = METHOD.format(**tables, machine=machine(bench), rounds=options.rounds, warm=options.warm)
        RESULTS.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
