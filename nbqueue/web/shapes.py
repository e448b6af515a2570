"""What values look like on the wire: a JSON Schema that is shown to callers, and checked by that same schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.model.names import shown

Schema = Mapping[str, Any]

JOB_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._@+=-]{0,127}$"}
QUEUE: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)) or _is_whole(value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_WORDS = {
    "null": "null", "boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "text",
    "array": "a list", "object": "an object",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value of a request: a part of the path, the query or the body."""

    #: its name
    name: str
    #: what it looks like
    schema: Schema
    #: what it is for
    help: str
    #: whether it has to be given
    required: bool = False
    #: said besides where a value is refused
    hint: str = ""


def fault(value: Any, schema: Schema, what: str) -> str:
    """What is wrong with a value, as a sentence; empty where it fits."""
    types = _listed(schema.get("type"))
    if types and not any(_TYPES[each](value) for each in types):
        return f"{what}={shown(value)} cannot be used: give {' or '.join(_WORDS[each] for each in types)}."
    checks = (_choices, _bounds, _text, _items, _properties)
    return next(filter(None, (check(value, schema, what) for check in checks)), "")


def from_text(text: str, schema: Schema) -> Any:
    """A value of the query: what is a number or a flag by its schema is read as one, where it can be."""
    types = _listed(schema.get("type"))
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "integer" in types and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if "number" in types and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return float(text)
    if "array" in types:
        return text.split(",")
    return text


def _choices(value: Any, schema: Schema, what: str) -> str:
    allowed = schema.get("enum")
    if allowed is None or value in allowed:
        return ""
    return f"{what}={shown(value)} cannot be used: give one of {', '.join(map(str, allowed))}."


def _bounds(value: Any, schema: Schema, what: str) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    least, most = schema.get("minimum"), schema.get("maximum")
    if (least is None or value >= least) and (most is None or value <= most):
        return ""
    allowed = f"from {least} to {most}" if most is not None and least is not None else f"from {least} on"
    return f"{what}={shown(value)} cannot be used: give a number {allowed}."


def _text(value: Any, schema: Schema, what: str) -> str:
    if not isinstance(value, str):
        return ""
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
    if not least <= len(value) <= most:
        return f"{what}={shown(value)} cannot be used: give text of {least} to {most} characters."
    if (pattern := schema.get("pattern")) is None or re.search(pattern.removesuffix("$") + r"\Z", value):
        return ""
    return f"{what}={shown(value)} cannot be used: give text that fits {pattern}."


def _items(value: Any, schema: Schema, what: str) -> str:
    if not isinstance(value, list):
        return ""
    most = schema.get("maxItems", len(value))
    if len(value) > most:
        return f"{what} has {len(value)} parts: give {most} at most."
    inner: Schema = schema.get("items", {})
    return next(filter(None, (fault(each, inner, f"{what}[{at}]") for at, each in enumerate(value))), "")


def _properties(value: Any, schema: Schema, what: str) -> str:
    known: Mapping[str, Schema] | None = schema.get("properties")
    if not isinstance(value, dict) or known is None:
        return ""
    for name in schema.get("required", ()):
        if name not in value:
            return f"{what} lacks {name}: give it."
    for name, item in value.items():
        if name not in known:
            return f"{what} has {shown(name)}, which is not known: there are {', '.join(known)}."
        if sentence := fault(item, known[name], name if what == "body" else f"{what}.{name}"):
            return sentence
    return ""


def _listed(given: str | Sequence[str] | None) -> Sequence[str]:
    return () if given is None else (given,) if isinstance(given, str) else given


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()
