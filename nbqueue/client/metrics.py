"""What jobs reported as numbers while they ran, as a frame."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbqueue.broker import reported
from nbqueue.broker.history import Ask
from nbqueue.broker.keys import Keys
from nbqueue.client import hooks
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.trace import Trace

if TYPE_CHECKING:
    from pandas import DataFrame

#: job, label, name, seconds since the start of the attempt, value
Row = tuple[str, str, str, float, float]

COLUMNS = {"job": "string", "label": "string", "name": "category", "at_s": "float64", "value": "float64"}


class OfOne:
    """The metrics of one job."""

    __slots__ = ()
    id: str

    def metrics(self) -> Pending[DataFrame]:
        """The numbers it reported over time, as far as they are kept: a frame with a row a point.

        Columns: job, label, name, at_s (seconds since the start of the attempt), value. Of its newest attempt;
        `nbqueue.charts.convergence` draws it.
        """

        async def asked(link: Link) -> DataFrame:
            await link.record(self.id)
            return await _frame_of(link, (self.id,))

        return self._begin(asked, f"reading the metrics of job {self.id}")

    @abstractmethod
    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, Any]], what: str) -> Pending[Any]:
        """Put something under way."""


class OfMany:
    """The metrics of many jobs."""

    __slots__ = ()

    def metrics(self) -> Pending[DataFrame]:
        """The numbers they reported over time, as `Job.metrics` gives them, in the order of the jobs."""
        ids = tuple(self._changed_ids())
        return self._begin(lambda link: _frame_of(link, ids), f"reading the metrics of {len(ids):,} jobs")

    @abstractmethod
    def _changed_ids(self) -> Sequence[str]:
        """The jobs that are meant."""

    @abstractmethod
    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, Any]], what: str) -> Pending[Any]:
        """Put something under way."""


async def read(ask: Ask, keys: Keys, labels: Mapping[str, str], fences: Mapping[str, int] | None = None) -> DataFrame:
    """The metrics of jobs, by id with their labels, as a frame; with the numbers of their claims, only of these."""
    rows: list[Row] = []
    ids = list(labels)
    for start in range(0, len(ids), CHUNK_JOBS):
        batch = ids[start : start + CHUNK_JOBS]
        found = await ask(lambda client: reported.traces(client, keys, batch))  # noqa: B023
        for job_id, (fence, series) in zip(batch, found, strict=True):
            if fences is None or fences[job_id] == fence:
                rows += _rows(job_id, labels[job_id], series)
    return await asyncio.to_thread(_frame, rows)  # the first time pandas is loaded there


async def _frame_of(link: Link, job_ids: Sequence[str]) -> DataFrame:
    known = [record for record in await link.records(job_ids) if record is not None]
    labels = {record.id: record.label or record.function for record in known}
    return await read(link.wire.ask, link.wire.keys, labels, {record.id: record.fence for record in known})


def _rows(job_id: str, label: str, series: Any) -> list[Row]:
    trace = Trace()
    trace.recall(series)
    return [
        (_sound(job_id), _sound(label), _sound(name), *point)
        for name, points in trace.series().items()
        for point in points
    ]


def _sound(text: str) -> str:
    """Without lone surrogates, which no column of texts holds."""
    return text.encode(errors="replace").decode()


def _frame(rows: Sequence[Row]) -> DataFrame:
    import pandas as pd  # where it is needed: importing it takes long

    if hooks.charting is not None:
        hooks.charting()
    columns = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))).astype(COLUMNS)
