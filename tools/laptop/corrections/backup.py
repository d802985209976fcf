"""Correct Backup: the policies of vaults."""

from __future__ import annotations

import json
import re
from typing import Any


def correct(backup: Any) -> None:
    """Correct aws_backup_vault_policy: the emulator cannot set or delete it."""
    handle_request = backup.handle_request
    key = "Policy"  # stored with its vault, and so saved and deleted with it

    async def handle_with_policies(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        match = re.fullmatch(r"/backup-vaults/([^/]+)/access-policy", path)
        vault = backup._vaults.get(match[1]) if match else None
        if vault is None:
            return await handle_request(method, path, headers, body, query)
        if method == "PUT":
            vault[key] = json.loads(body)[key]
        elif method == "DELETE":
            vault.pop(key, None)
        elif key not in vault:
            return await handle_request(method, path, headers, body, query)
        if method != "GET":
            return backup._no_content()
        named = ("BackupVaultArn", "BackupVaultName", key)
        return backup._ok({name: vault[name] for name in named})

    backup.handle_request = handle_with_policies
