"""What went wrong, said to the person at the keyboard."""

from __future__ import annotations


class UserError(Exception):
    """One clear sentence that names the remedy: printed alone, without a traceback."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
