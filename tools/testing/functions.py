"""Load Lambda functions from their sources, and call them as Lambda does."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tools.terraform import ROOT

LAMBDA_SRC = ROOT / "lambda_src"

# What every function's process has here: boto3's client, since moto answers only that, and keys of no account.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "DYNAMODB_CLIENT": "boto3",
}

Handler = Callable[[Any, Any], dict[str, Any]]


class LambdaContext:
    """The part of Lambda's context object that handlers use."""

    def __init__(self, millis: int = 30_000) -> None:
        self.aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"
        self.millis = millis

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may go on."""
        return self.millis


def load_handler(function: str, file: str, environment: Mapping[str, str]) -> Handler:
    """Return the handler of a function, such as "create", from its index.py or hooked.py: a cold start."""
    # Python keeps the byte code of what is loaded so, and would compile anew what is run as a script.
    spec = importlib.util.spec_from_file_location(function, LAMBDA_SRC / function / file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with set_variables(environment):
        spec.loader.exec_module(module)
    handler: Handler = module.lambda_handler
    return handler


@contextmanager
def set_variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables meanwhile, and leave all others alone."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
