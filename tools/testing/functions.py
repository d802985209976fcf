"""Load Lambda functions from their sources, and call them as Lambda does."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tools.terraform import ROOT

LAMBDA_SRC = ROOT / "lambda_src"

# The environment of every function here: boto3 as the client, since moto works only with it, and invalid keys.
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
        """Return the milliseconds until the function times out."""
        return self.millis


def load_handler(function: str, file: str, environment: Mapping[str, str]) -> Handler:
    """Load a function, such as "create", from its index.py or hooked.py, as a cold start does. Return its handler."""
    # Modules loaded this way have cached bytecode; a script would be compiled each time.
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
    """Set environment variables during the block, and change no others."""
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
