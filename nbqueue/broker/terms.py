"""What workers say of their functions: where they run and what they need, for who submits one by its name alone."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from nbqueue.broker.bounds import RECORD_MS
from nbqueue.broker.keys import Keys
from nbqueue.model.options import check
from nbqueue.model.task import Task


async def announce(client: Any, keys: Keys, tasks: Mapping[str, Task[Any, Any]]) -> None:
    """Write the lane, limits and resources of these functions, by name; of several workers the last one's are kept."""
    found = {name: _terms(name, task) for name, task in tasks.items()}
    said = {name: json.dumps(terms) for name, terms in found.items() if terms}
    silent = [name for name, terms in found.items() if not terms]
    # said again and again, mostly of functions that have no terms: one command then, and not three
    pipe = client.pipeline(transaction=bool(said))
    if said:
        pipe.hset(keys.terms, mapping=said)
        pipe.pexpire(keys.terms, RECORD_MS)
    if silent:
        pipe.hdel(keys.terms, *silent)
    await pipe.execute()


def _terms(name: str, task: Task[Any, Any]) -> dict[str, str]:
    """As the submitting script takes them for its own."""
    options = check(**task.options)
    limits = options.limits(name)
    lane = "" if inspect.iscoroutinefunction(task.fn) else "process"
    found = {"lane": lane, "limits": json.dumps(limits) if limits else "", "needs": options.needs}
    return {field: text for field, text in found.items() if text}
