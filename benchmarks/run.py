"""Run all benchmarks of RESULTS.md, print the tables and write the file. `make bench` runs this."""

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

## The same two operations in other implementations

Ratios are to the tutorial handler. All others validate requests by the same rules. Each is written as its own
documentation shows ([benchmarks/handlers](handlers)). Trestle also writes a log line with metrics for each request;
the others do not.

{peers}

## What an empty hook costs

The same operation with a hook that does nothing, compared to the one without a hook. A hook that needs the current
item costs the request that reads it.

{hooks}

## A route of your own

A route that reads an item, and changes it if nobody else has changed it since then, in own code and in a Powertools
resolver. Both validate the body by the same rules.

{routes}

## How it is measured

{machine}

`make bench` runs each handler in fresh processes and measures their CPU time. All handlers of a table take turns.
Figures are medians of {rounds} rounds. Ratios and differences are medians of the values of each round.
The tutorial handler (`handlers/tutorial`) is one function for all routes on `boto3.resource`. boto3 and the frameworks
are compiled beforehand, as boto3 is in Lambda. Trestle's functions are the unpacked zips. With `python -S`, no handler
can import the machine's own site-packages.

- Cold: the import of the handler and its first request, with connection, TLS handshake and signature.
- With the interpreter: the same plus Python's own start, which is equal for all.
- Warm: the mean of {warm} more requests on the kept connection.
- DynamoDB requests: counted by the fake DynamoDB during one cold request of Trestle's function.

DynamoDB is a fake in another process that sends canned responses over TLS, with an RSA chain of three certificates,
like DynamoDB's. Its time is not counted. Each handler loads the roots that it would load in Lambda (boto3 a whole
bundle, Trestle and the floor Amazon's) and that of the fake.
"""


def machine(bench: Bench) -> str:
    """Return a description of the machine and versions."""
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
    """Parse the command line and run the benchmarks. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="processes per handler and operation")
    parser.add_argument("--warm", type=int, default=200, help="warm requests per process")
    parser.add_argument("--only", choices=TABLES, help="measure one table only, and do not write RESULTS.md")
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
