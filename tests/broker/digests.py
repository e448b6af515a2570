"""How tests digest values and code."""

import uuid
from typing import Any

from nbqueue.broker.digest import call_digest


def of(*values: Any, **named: Any) -> str:
    """The digest of a call with these arguments."""
    return call_digest("name", values, named)


def made(source: str, name: str = "fn", **around: Any) -> Any:
    """A function of a notebook whose cell has this source."""
    found: dict[str, Any] = {"__name__": "__main__", **around}
    exec(compile(source, f"<cell {uuid.uuid4()}>", "exec"), found)
    return found[name]


def code(source: str, **around: Any) -> str:
    """The digest of a call of such a function."""
    return call_digest(made(source, **around), (), {})
