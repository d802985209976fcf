"""Launch the emulator; tools/laptop/emulator.py runs this file."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

# With -I, Python does not find the repository of this file. It comes last in the search path, so that none of its
# names replaces a module that the emulator imports.
sys.path += [str(Path(__file__).resolve().parents[3] / folder) for folder in (".", "lambda_src")]

from tools.laptop.corrections import (
    PINNED,
    TERRAFORM_PASSWORD,
    activity,
    addresses,
    apigateway,
    authorizers,
    background,
    backup,
    cloudfront,
    cloudtrail,
    cloudwatch,
    debugging,
    ec2,
    events,
    functions,
    logs,
    persistence,
    queues,
    secretsmanager,
    serving,
    sign_in_page,
    streams,
    waf,
)
from tools.laptop.issuer import FOLDER, server


def service(name: str) -> Any:
    """Return the emulator's module of a service."""
    return import_module(f"ministack.services.{name}")


def main() -> None:
    """Apply the corrections, and serve. The environment configures the emulator (see tools/laptop/emulator.py)."""
    if (found := version("ministack")) != PINNED:
        sys.exit(f"The local run corrects MiniStack {PINNED}, but {found} is installed: run `make setup`.")
    app: Any = import_module("ministack.app")
    evaluator = import_module("ministack.core.iam_evaluator")

    ec2.correct(service("ec2"))
    gateway = service("apigateway_v1")
    apigateway.correct(gateway, app, evaluator.AuthError)
    authorizers.correct(gateway)
    addresses.correct(gateway, app, evaluator)
    waf.correct(service("waf"))
    cloudtrail.correct(service("cloudtrail"))
    backup.correct(service("backup"))
    runtime = import_module("ministack.core.lambda_runtime")
    functions.correct(service("lambda_svc"), runtime)
    cloudwatch.correct(service("cloudwatch"))
    logs.correct(service("cloudwatch_logs"))
    distributions, port = service("cloudfront"), os.environ["GATEWAY_PORT"]

    def domains() -> Collection[str]:
        return addresses.domain_names(gateway)

    cloudfront.correct(distributions, app, evaluator, service("cognito"), port=port, domains=domains)

    saver = persistence.correct(import_module("ministack.core.persistence"), app, service("lambda_svc"))
    threads = background.Background(saver, service("lambda_svc"))
    lambdas, sqs = service("lambda_svc"), service("sqs")
    tables, metrics = service("dynamodb"), service("cloudwatch")
    streams.correct(lambdas, tables, sqs, metrics, evaluator=evaluator, background=threads)
    streams.correct_identities(service("dynamodb_streams"))
    debugged = debugging.Debugging(Path(os.environ["STATE_DIR"]).with_name(debugging.FILE))
    debugging.correct(lambdas, runtime, debugged)
    queues.correct(lambdas, sqs, evaluator, background=threads, debugging=debugged)
    events.correct(service("scheduler"), service("eventbridge"), sqs, evaluator, threads)
    secretsmanager.correct(service("secretsmanager"), lambdas, runtime)

    counted = activity.Activity(lambdas)
    activity.correct(gateway, counted)

    password = Path(os.environ["STATE_DIR"]).parent.with_name(TERRAFORM_PASSWORD)
    sign_in_page.correct(service("cognito"), password.with_name("users.json"))
    answering = persistence.serve(serving.replay_lost_responses(app.app), saver, password)
    answering = server.serve(answering, password.with_name(FOLDER), int(port))
    answering = activity.serve(answering, distributions, counted)
    app.app = serving.serve_allowed_clients(answering, distributions, domains, port)
    app.main()


if __name__ == "__main__":
    main()
