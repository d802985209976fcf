"""Lambda: aliases of two versions, code signing configurations, and crashes."""

from __future__ import annotations

import random
from typing import Any


def correct(functions: Any) -> None:
    """Correct ministack.services.lambda_svc."""
    correct_alias_weights(functions)
    correct_code_signing(functions)
    correct_crash_logs(functions)


def correct_alias_weights(functions: Any) -> None:
    """aws_lambda_alias: the API sends every request to the first of an alias' two versions."""
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
    """aws_lambda_function.code_signing_config_arn: CreateFunction drops it, so the next plan would add it again."""
    create = functions._create_function

    def create_signed(data: dict[str, Any]) -> Any:
        answer = create(data)
        arn = data.get("CodeSigningConfigArn")
        if arn and answer[0] < 300:
            functions._functions[data["FunctionName"]]["code_signing_config_arn"] = arn
        return answer

    functions._create_function = create_signed


def correct_crash_logs(functions: Any) -> None:
    """A function that fails while it is imported leaves no word of it in its log."""
    execute = functions._execute_function_warm

    def execute_and_tell(*call: Any) -> Any:
        result = execute(*call)
        if result.get("error") and not result.get("log"):
            result["log"] = "[ERROR] {errorType}: {errorMessage}".format(**result["body"])
        return result

    functions._execute_function_warm = execute_and_tell
