"""The options of a command in a TOML file: a file of its own, or the table [tool.nbqueue.<command>] of another."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown
from nbqueue.model.other_names import unknown_option

#: what a queue's own table may say, and the option that takes it
_OF_QUEUE = {"weight": "queues", "concurrency": "queue_concurrency"}


def read(path: str | Path, command: str, known: Sequence[str]) -> dict[str, Any]:
    """The options of a file, as the command line would have them, by their names with _ for -.

    Args:
        path: of the file.
        command: whose options they are.
        known: the names of its options.

    Raises:
        ConfigurationError: the file cannot be read, or has an option that is not known.
    """
    table = _table(Path(path).expanduser(), command)
    given = {name.replace("-", "_"): value for name, value in table.items()}
    for name in given:
        if name not in known:
            raise unknown_option(f"{path} has the option {{}}, which is not known", name, known)
    return _with_queues(given, path)


def _table(path: Path, command: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"The file {path} cannot be read ({error.strerror}): give --config a file that can."
        ) from None
    except ValueError as error:
        raise ConfigurationError(f"The file {path} is no TOML: {error}.") from None
    below: Any = found
    for name in ("tool", "nbqueue", command):
        below = below.get(name) if isinstance(below, dict) else None
    if isinstance(below, dict):
        return below
    if "tool" in found:
        raise ConfigurationError(f"The file {path} has no table [tool.nbqueue.{command}]: add it, or give another.")
    return found


def _with_queues(given: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The options, where a queue may have a table of its own: its weight, and its jobs at once."""
    queues = given.get("queues")
    if not isinstance(queues, dict) or not any(isinstance(each, dict) for each in queues.values()):
        return {name: _text(value) for name, value in given.items()}
    found: dict[str, dict[str, Any]] = {"queues": {}, "queue_concurrency": dict(given.get("queue_concurrency", {}))}
    for name, of_queue in queues.items():
        table = of_queue if isinstance(of_queue, dict) else {"weight": of_queue}
        for word, number in {"weight": 1, **table}.items():
            if word not in _OF_QUEUE:
                raise ConfigurationError(
                    f"{path} says {shown(word)} of queue {shown(name)}: a queue has weight and concurrency."
                )
            found[_OF_QUEUE[word]][name] = number
    return {name: _text(value) for name, value in {**given, **found}.items()}


def _text(value: Any) -> Any:
    """A value as the command line has it: `a=1,b=2` for a table, `a,b` for a list."""
    if isinstance(value, dict):
        return ",".join(f"{name}={number}" for name, number in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, bool) else str(value)
