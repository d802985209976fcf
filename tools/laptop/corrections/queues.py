"""Correct SQS queues that functions read.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import re
import time
from typing import Any

from tools.laptop.corrections import Params
from tools.laptop.corrections.debugging import NO_LIMIT, Debugging
from tools.laptop.corrections.rights import is_allowed
from tools.laptop.corrections.streams import failures

READING = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")

TAKEN = "taken"  # marks the messages that a function is processing


def correct(functions: Any, queues: Any, evaluator: Any, *, background: Any, debugging: Debugging) -> None:
    """Correct how ministack.services.lambda_svc reads queues."""
    correct_policies(evaluator)
    correct_rights(functions, evaluator)
    correct_batches(functions, queues, background, debugging)
    correct_restarts(queues)
    correct_order(queues)


def correct_policies(evaluator: Any) -> None:
    """Correct aws_sqs_queue: a policy that denies requests without TLS denies all, since the emulator has no TLS."""
    evaluate = evaluator.evaluate_resource_policy

    def evaluate_over_tls(policy: Any, context: Any, *options: Any, **more: Any) -> Any:
        context.secure_transport |= context.action.startswith("sqs:")
        return evaluate(policy, context, *options, **more)

    evaluator.evaluate_resource_policy = evaluate_over_tls


def correct_rights(functions: Any, evaluator: Any) -> None:
    """Correct permissions: a function receives messages of queues that its role may not read."""
    concurrency = functions._sqs_esm_concurrency

    def concurrency_by_rights(mapping: Params, function: Params, config: Params, queue: Any = None) -> int:
        source = mapping["EventSourceArn"]
        if lacking := [each for each in READING if not is_allowed(evaluator, config["Role"], f"sqs:{each}", source)]:
            mapping["LastProcessingResult"] = f"PROBLEM: The function's role lacks sqs:{lacking[0]} on the queue."
            return 0
        limit: int = concurrency(mapping, function, config, queue)
        return limit

    functions._sqs_esm_concurrency = concurrency_by_rights


def correct_batches(functions: Any, queues: Any, background: Any, debugging: Debugging) -> None:
    """Correct batches: a response that names no message is a success, and calls have no metrics and are not saved."""
    poll = functions._poll_sqs

    def run_batch(mapping: Params, function: Params, event: Params, batch: list[Params], url: str, _name: str) -> None:
        name, began = mapping["UUID"], time.time()
        config = function.get("config") or function
        is_debugged = bool(debugging.asked(config["FunctionName"]))
        until = {message["id"]: message["visible_at"] for message in batch}
        for message in batch:
            message[TAKEN] = True
            message["visible_at"] += NO_LIMIT if is_debugged else 0
        try:
            answer = functions._execute_function(function, event)
            is_error = bool(answer.get("error"))
            duration = (time.time() - began) * 1000
            functions._emit_lambda_metrics(config["FunctionName"], duration, is_error, throttle=False)
            ids = [message["id"] for message in batch]
            reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ())
            failed = ids if is_error else failures(answer.get("body"), ids) if reports else []
            if is_error:
                functions._esm_backoff_until[name] = time.time() + functions._ESM_BACKOFF_SECONDS
            else:
                functions._esm_backoff_until.pop(name, None)
            done = {message["receipt_handle"] for message in batch if message["id"] not in failed}
            queues._delete_messages_for_esm(url, done)
            mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if is_error else "OK"
        finally:
            for message in batch:
                message.pop(TAKEN, None)
                if message["visible_at"] == until[message["id"]] + NO_LIMIT:
                    message["visible_at"] = until[message["id"]]
            background.mark_changed()

    def poll_once_serving() -> bool:
        if not background.is_serving or not poll():
            return False
        background.mark_changed()
        return True

    functions._run_sqs_batch, functions._poll_sqs = run_batch, poll_once_serving


def correct_order(queues: Any) -> None:
    """Correct aws_sqs_queue: a queue cannot be created before its dead-letter queue. Terraform creates both at once."""
    validate = queues._validate_redrive_policy

    def validate_but_for_order(text: str) -> None:
        try:
            validate(text)
        except queues._Err:
            here = rf"arn:aws:sqs:{queues.get_region()}:{queues.get_account_id()}:[\w-]+"
            policy = re.compile(rf'{{"deadLetterTargetArn":"({here})","maxReceiveCount":([1-9]\d{{0,2}}|1000)}}')
            found = policy.fullmatch(text)
            if found is None or queues._queue_by_arn(found[1]):
                raise

    queues._validate_redrive_policy = validate_but_for_order


def correct_restarts(queues: Any) -> None:
    """Correct restarts: messages of interrupted calls wait for their timeout, and on a new port no queue is read."""
    load_state = queues.load_persisted_state

    def load_state_and_release(state: Params) -> None:
        load_state(state)
        for account, region, known in list(queues._queues._data):
            queue = queues._queues.pop_scoped(account, region, known)
            queue["url"] = url = queues._queue_url_for_account(account, queue["name"])
            queues._queues.set_scoped(account, region, url, queue)
            for message in queue["messages"]:
                if message.pop(TAKEN, False):
                    message["visible_at"] = time.time()
        queues._queue_name_to_url.clear()
        queues._rebuild_queue_name_index()

    queues.load_persisted_state = load_state_and_release
