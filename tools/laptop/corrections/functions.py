"""Correct Lambda: aliases with two versions, code signing configurations, and the log of a failure."""

from __future__ import annotations

import random
from typing import Any

# The code with which a function's process describes an exception: the text that Lambda's runtime logs as one event.
# Its lines end with "\r", since "\n" ends an event here.
DESCRIBE = """
def _describe(error):
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    said = type(error).__name__ + (": " + str(error) if str(error) else "")
    lines = ["[ERROR] " + said, "Traceback (most recent call last):", *frames]
    return "\\r".join("\\n".join(lines).splitlines())
"""
TRACE = '"trace": traceback.format_exc()'


class Output(str):
    """The output of a function in one call. Each line is one event of its log.

    Only a newline ends a line, as in Lambda. The emulator also splits at other characters, such as U+2028.
    """

    __slots__ = ()

    def splitlines(self, keepends: bool = False) -> list[str]:  # noqa: ARG002 - as str has it
        """Return the events."""
        return [each.replace("\r", "\n") for each in self.split("\n")] if self else []


def correct(functions: Any, runtime: Any) -> None:
    """Correct ministack.services.lambda_svc, which runs Python in processes of ministack.core.lambda_runtime."""
    correct_alias_weights(functions)
    correct_code_signing(functions)
    correct_events(functions, runtime)


def correct_alias_weights(functions: Any) -> None:
    """Correct aws_lambda_alias: the API sends every request to the first of an alias' two versions."""
    find = functions._get_func_record_for_ref

    def find_by_weight(reference: str) -> Any:
        name, _, qualifier = reference.rpartition(":")
        function = find(name)[0] or {}
        routing = function.get("aliases", {}).get(qualifier, {}).get("RoutingConfig", {})
        draw = random.random()  # noqa: S311 - lots, no secret
        for other, weight in routing.get("AdditionalVersionWeights", {}).items():
            if draw < weight:
                reference = f"{name}:{other}"
        return find(reference)

    functions._get_func_record_for_ref = find_by_weight


def correct_code_signing(functions: Any) -> None:
    """Correct aws_lambda_function.code_signing_config_arn: CreateFunction drops it, so the next plan adds it again."""
    create = functions._create_function

    def create_signed(data: dict[str, Any]) -> Any:
        answer = create(data)
        arn = data.get("CodeSigningConfigArn")
        if arn and answer[0] < 300:
            functions._functions[data["FunctionName"]]["code_signing_config_arn"] = arn
        return answer

    functions._create_function = create_signed


def correct_events(functions: Any, runtime: Any) -> None:
    """Correct logs of failures: each line of a traceback is an event, and a failed import is not logged."""
    runtime._PYTHON_WORKER_SCRIPT = DESCRIBE + runtime._PYTHON_WORKER_SCRIPT.replace(TRACE, '"trace": _describe(e)')
    execute = functions._execute_function_warm

    def execute_with_traceback(*call: Any) -> Any:
        result = execute(*call)
        if result.get("error") and not result.get("log"):
            result["log"] = "\r".join("[ERROR] {errorType}: {errorMessage}".format(**result["body"]).splitlines())
        if "log" in result:
            result["log"] = Output(result["log"])
        return result

    functions._execute_function_warm = execute_with_traceback
