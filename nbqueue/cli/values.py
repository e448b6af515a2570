"""Arguments and results of calls as a shell writes and reads them: JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from nbqueue.errors import ConfigurationError

_KEYWORD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)


def read_arguments(words: tuple[str, ...]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, given as JSON, and as name=JSON."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        match = _KEYWORD.match(word)
        if match:
            kwargs[match[1]] = read_json(match[2], match[1])
        else:
            args.append(read_json(word, f"Argument {len(args) + 1}"))
    return args, kwargs


def read_json(text: str, what: str) -> Any:
    """A value. Raises ConfigurationError, which calls it `what`."""
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError(
            f"{what} is no JSON: {text!r}. Write text in quotation marks, kept from the shell: '\"text\"'."
        ) from None


def written(value: Any, *, default: Callable[[Any], Any] | None = None, indent: int | None = None) -> str:
    """A value as JSON; numbers that JSON does not have (nan, inf) are null. Raises TypeError or ValueError for others.

    Args: `default` gives something plain for what JSON does not know.
    """
    try:
        return json.dumps(value, default=default, indent=indent, allow_nan=False)
    except ValueError:
        plain = json.loads(json.dumps(value, default=default))
        return json.dumps(_finite(plain), indent=indent, allow_nan=False)


def _finite(plain: Any) -> Any:
    if isinstance(plain, float) and not math.isfinite(plain):
        return None
    if isinstance(plain, dict):
        return {name: _finite(each) for name, each in plain.items()}
    return [_finite(each) for each in plain] if isinstance(plain, list) else plain


def shown(result: Any, *, strict: bool = False) -> str:
    """A result as JSON, or as Python writes it where it is none; `strict` raises TypeError or ValueError there."""
    try:
        return written(result)
    except (TypeError, ValueError):
        if strict:
            raise
        return repr(result)


def as_plain(result: Any) -> Any:
    """A result as a part of a JSON document: itself, or as Python writes it where it has no JSON."""
    try:
        json.dumps(result)
    except (TypeError, ValueError):
        return repr(result)
    return result
