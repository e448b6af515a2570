"""Jobs as pandas frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.client.arguments import Given
from nbqueue.client.contents import Contents
from nbqueue.client.ended import Ended
from nbqueue.client.handle import Job
from nbqueue.client.portions import NOT_KEPT
from nbqueue.model.job import JobRecord


def frame(
    members: Sequence[Job[Any]], given: Sequence[Given | str], ended: Mapping[str, Ended], values: Sequence[Any]
) -> Any:
    """A row a job, in order: `job`, `arg0`, `arg1`, ... as far as they are known, `state`, `result`, `error`, `unread`.

    `unread` is there where arguments are not, and says why.
    """
    import pandas as pd  # where it is needed: importing it takes long

    failed = [isinstance(value, Exception) for value in values]
    columns: dict[str, Any] = {"job": [job.id for job in members], **_arguments(given)}
    columns["state"] = [str(ended[job.id].state or "lost") for job in members]
    results = [None if bad else value for value, bad in zip(values, failed, strict=True)]
    columns["result"] = _column(results)
    columns["error"] = pd.Series(
        [str(value) if bad else None for value, bad in zip(values, failed, strict=True)], dtype=object
    )
    if any(isinstance(each, str) for each in given):
        columns["unread"] = pd.Series(
            [f"arguments: {each}" if isinstance(each, str) else None for each in given], dtype=object
        )
    return pd.DataFrame(columns)


def _arguments(given: Sequence[Given | str]) -> dict[str, Any]:
    """A column a place (`arg0`) and a keyword (`arg_name`) that one of some calls has; None where it is not there."""
    known = [None if isinstance(each, str) else each for each in given]
    places = max((len(each.args) for each in known if each is not None), default=0)
    names = dict.fromkeys(name for each in known if each is not None for name in each.kwargs)
    found = {
        f"arg{place}": _column([each.args[place] if each and place < len(each.args) else None for each in known])
        for place in range(places)
    }
    return found | {
        f"arg_{name}": _column([each.kwargs.get(name) if each else None for each in known]) for name in names
    }  # fmt: skip


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


def of_records(records: Sequence[JobRecord], values: Contents | None = None) -> Any:
    """A row a job: what was known of it, times as UTC, in the order of the records.

    Args: `values`: their arguments and results, which are columns of their own then: `arg0`, ..., `result`, `unread`.
    """
    import pandas as pd

    names = ("id", "state", "reason", "queue", "function", "label", "priority", "group", "tags", "tries", "worker",
             "error_type", "error")  # fmt: skip
    found = {name: [getattr(record, name) for record in records] for name in names}
    frame = pd.DataFrame(found).rename(columns={"id": "job"})
    frame["state"] = frame["state"].astype(str).astype("category")
    for name in ("submitted_at", "due_at", "started_at", "finished_at"):
        frame[name] = pd.to_datetime(pd.Series([getattr(record, name) for record in records], dtype=object), utc=True)
    if values is None:
        return frame
    ids = [record.id for record in records]
    columns = _arguments([values.given.get(job_id, NOT_KEPT) for job_id in ids])
    columns["result"] = _column([values.results.get(job_id) for job_id in ids])
    columns["unread"] = pd.Series([_unread(values, job_id) for job_id in ids], dtype=object)
    return pd.concat([frame, pd.DataFrame(columns)], axis=1)


def _unread(values: Contents, job_id: str) -> str | None:
    """Which of a job's values are not there, and why; None where all are."""
    given = values.given.get(job_id, NOT_KEPT)
    facts = [f"arguments: {given}"] if isinstance(given, str) else []
    if job_id in values.told:
        facts.append(f"result: {values.told[job_id]}")
    return "; ".join(facts) or None
