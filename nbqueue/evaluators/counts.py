"""Whole numbers as options take them."""

from __future__ import annotations

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown


def check_count(value: object, what: str, most: int) -> int:
    """A whole number from 0 on, or one sentence about what is wrong with it."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise ConfigurationError(f"{what}={shown(value)} cannot be used: give a whole number from 0 to {most:,}.")
