"""Control the emulator's background threads: when they start, for which account, and when their changes are saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tools.laptop.corrections.persistence import Saver, log_line


class Background:
    """The emulator's threads that call functions, run schedules and delete expired items."""

    def __init__(self, saver: Saver, functions: Any) -> None:
        """Save the threads' changes with `saver`. `functions` is ministack.services.lambda_svc."""
        self.saver, self.functions = saver, functions
        self.began = time.time()

    @property
    def is_serving(self) -> bool:
        """Whether functions can reach the emulator."""
        return self.saver.is_serving

    def mark_changed(self) -> None:
        """Record, from any thread, that data has changed."""
        self.saver.touch_from_thread()

    def log(self, text: str) -> None:
        """Write a line to the emulator's log."""
        log_line(text)

    def run_for(self, account: str, region: str, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the emulator for an account and region. Return its result."""
        kinds = (self.functions._request_account_id, self.functions._request_region)
        tokens = [kind.set(value) for kind, value in zip(kinds, (account, region), strict=True)]
        try:
            return work(*arguments)
        finally:
            for kind, token in zip(kinds, tokens, strict=True):
                kind.reset(token)
