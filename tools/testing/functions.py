"""Load Lambda functions from their sources, and call them as Lambda does."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

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
    with mock.patch.dict(os.environ, environment):
        handler: Handler = runpy.run_path(str(LAMBDA_SRC / function / file))["lambda_handler"]
    return handler
