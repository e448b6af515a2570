"""JSON as it comes and goes over HTTP: read with limits, written whatever the values are."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from starlette.responses import Response

from nbqueue.model.names import shown

_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
#: how deep lists and objects may stand in one another
DEEPEST = 64


class NotJson(ValueError):
    """A text that is no JSON we take, in a sentence."""


class JsonAnswer(Response):
    """An answer in JSON. Text is escaped to ASCII: no character of a job's can break it."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, *, in_steps: bool = False, **options: Any) -> None:
        """In steps a large value is written slower, and other threads get their turns meanwhile."""
        self._in_steps = in_steps
        super().__init__(content, status, **options)

    def render(self, content: Any) -> bytes:
        """The bytes of a value."""
        if self._in_steps:
            return "".join(_ENCODER.iterencode(content)).encode("ascii")
        return write(content).encode("ascii")


def write(value: Any) -> str:
    """A value of plain parts as compact ASCII JSON; numbers that JSON does not have (nan, inf) are null."""
    try:
        return _dump(value)
    except ValueError:
        return _dump(_finite(value))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def read(text: bytes) -> Any:
    """The value of a JSON text. Raises NotJson."""
    try:
        found = json.loads(
            text.decode("utf-8"), parse_constant=_refuse, parse_float=_number, object_pairs_hook=_object
        )  # fmt: skip
    except RecursionError:
        raise NotJson(f"The body has lists or objects that stand more than {DEEPEST} deep in one another.") from None
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8: send JSON in UTF-8.") from None
    except ValueError as error:
        raise NotJson(f"The body is no JSON that can be read: {_short(error)}.") from None
    if _is_deep(found):
        raise NotJson(f"The body has lists or objects that stand more than {DEEPEST} deep in one another.")
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text[:40]} is larger than any number here")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; of two members of one name nobody knows which is meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"it has {shown(twice)} more than once in one object")
    return found


def _short(error: ValueError) -> str:
    """What is wrong, without what the interpreter would like to be told."""
    text = str(error)
    return "it has an integer of too many digits" if "integer string conversion" in text else text


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for each in level
            if isinstance(each, list | dict)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, list | dict) for each in level)
