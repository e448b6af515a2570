"""Jobs as pandas frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.client.ended import Ended
from nbqueue.client.handle import Job
from nbqueue.model.job import JobRecord


def frame(
    members: Sequence[Job[Any]], items: Sequence[tuple[Any, ...]], ended: Mapping[str, Ended], values: Sequence[Any]
) -> Any:
    """A row a job, in order: `job`, `arg0`, `arg1`, ... as far as they are known, `state`, `result`, `error`."""
    import pandas as pd  # where it is needed: importing it takes long

    failed = [isinstance(value, Exception) for value in values]
    columns: dict[str, Any] = {"job": [job.id for job in members]}
    for place in range(len(items[0]) if items else 0):
        columns[f"arg{place}"] = _column([item[place] for item in items])
    columns["state"] = [str(ended[job.id].state or "lost") for job in members]
    results = [None if bad else value for value, bad in zip(values, failed, strict=True)]
    columns["result"] = _column(results)
    columns["error"] = pd.Series(
        [str(value) if bad else None for value, bad in zip(values, failed, strict=True)], dtype=object
    )
    return pd.DataFrame(columns)


def _column(values: Sequence[Any]) -> Any:
    """Values as a column of their type; integers stay integers where some are not there."""
    import pandas as pd

    column = pd.Series(values, dtype=object)
    given = [value for value in values if value is not None]
    if len(given) < len(values) and pd.api.types.infer_dtype(given, skipna=False) == "integer":
        try:
            return column.astype("Int64")
        except (OverflowError, TypeError):
            return column  # larger than it holds
    return column.infer_objects()


def of_records(records: Sequence[JobRecord]) -> Any:
    """A row a job: what was known of it, times as UTC, in the order of the records."""
    import pandas as pd

    names = ("id", "state", "reason", "queue", "function", "label", "priority", "group", "tags", "tries", "worker",
             "error_type", "error")  # fmt: skip
    found = {name: [getattr(record, name) for record in records] for name in names}
    frame = pd.DataFrame(found).rename(columns={"id": "job"})
    frame["state"] = frame["state"].astype(str).astype("category")
    for name in ("submitted_at", "due_at", "started_at", "finished_at"):
        frame[name] = pd.to_datetime(pd.Series([getattr(record, name) for record in records], dtype=object), utc=True)
    return frame
