"""Correct Secrets Manager: secrets of other accounts and regions, and values that change."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from tools.laptop.corrections import Params

NEW_VALUES = ("CreateSecret", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage")


def correct(vault: Any, functions: Any, runtime: Any) -> None:
    """Correct ministack.services.secretsmanager."""
    correct_foreign_secrets(vault)
    correct_new_values(vault, functions, runtime)


def correct_foreign_secrets(vault: Any) -> None:
    """Let a secret whose name is an ARN stand for the secret with this ARN, of any account and region."""
    resolve, create, policy_for = vault._resolve, vault._create_secret, vault.secret_policy_for_arn

    def find_foreign(arn: str) -> tuple[str, Params] | None:
        known = vault._secrets.all_items() if arn.startswith("arn:") else ()
        return next(((key[-1], secret) for key, secret in known if key[-1] == arn), None)

    def resolve_any(secret_id: str, **options: Any) -> Any:
        return find_foreign(secret_id or "") or resolve(secret_id, **options)

    def create_named(data: Params) -> Any:
        answer = create(data)
        name = data.get("Name") or ""
        if answer[0] != 200 or not name.startswith("arn:"):
            return answer
        vault._secrets[name]["ARN"] = name
        return vault.json_response(json.loads(answer[2]) | {"ARN": name})

    def policy_of(arn: str) -> Any:
        # The secret's own policy in AWS is not known here, so only the function's policies decide.
        return None if find_foreign(arn) else policy_for(arn)

    vault._resolve, vault._create_secret, vault.secret_policy_for_arn = resolve_any, create_named, policy_of


def correct_new_values(vault: Any, functions: Any, runtime: Any) -> None:
    """Correct new values: functions cache a secret for minutes, so restart those that read it."""
    handle_request = vault.handle_request

    async def handle_and_refresh(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        answer = await handle_request(method, path, headers, body, query)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if answer[0] == 200 and action in NEW_VALUES:
            arn = json.loads(answer[2])["ARN"]
            for (account, region, name), function in list(functions._functions.all_items()):
                environment = function["config"].get("Environment", {}).get("Variables", {})
                if any(arn in value for value in environment.values()):
                    retire_workers(runtime, f"{account}:{region}:{name}:")
        return answer

    vault.handle_request = handle_and_refresh


def retire_workers(runtime: Any, prefix: str, is_meant: Callable[[str, Any], bool] = lambda *_: True) -> None:
    """End the processes whose keys have this prefix and for which `is_meant` is true, after their current call.

    A key is ACCOUNT:REGION:FUNCTION:VERSION. `is_meant` gets the key and the process.
    """
    workers: list[Any] = []
    with runtime._lock:
        for key in [key for key in runtime._workers if key.startswith(prefix)]:
            meant = [worker for worker in runtime._workers[key] if is_meant(key, worker)]
            runtime._workers[key] = [worker for worker in runtime._workers[key] if worker not in meant]
            workers += meant
    if not workers:
        return

    def end() -> None:
        while busy := [worker for worker in workers if worker.in_use]:
            time.sleep(0.05)
            runtime.kill_workers([worker for worker in workers if worker not in busy])
            workers[:] = busy
        runtime.kill_workers(workers)

    threading.Thread(target=end, daemon=True).start()
