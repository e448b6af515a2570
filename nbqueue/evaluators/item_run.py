"""The evaluation of a data set, item by item: what its one job does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nbqueue.errors import SkipRetry
from nbqueue.evaluators.data_set import Item
from nbqueue.evaluators.evaluation import Evaluation, Sample
from nbqueue.evaluators.item_calls import called
from nbqueue.evaluators.item_tries import Found, Tries, in_words
from nbqueue.evaluators.kept_rows import KeptRows
from nbqueue.evaluators.plan import Plan
from nbqueue.evaluators.scorers import Scorer
from nbqueue.evaluators.scores import numbers
from nbqueue.evaluators.tally import Tally
from nbqueue.inside import on_stop, stop_reason

#: seconds that calls under way get when all is to end
LINGER_S = 0.5
_UNSCORED = "It ended before the output was scored."


async def evaluated(
    items: Sequence[Item], task: Callable[[Any], Any], scorers: Sequence[Scorer], plan: Plan,
    before: Mapping[int, Sample],
) -> Evaluation:  # fmt: skip
    """The evaluation of the items; in a job it reports, keeps its rows, and ends when it is asked to.

    Args:
        items: the data set.
        task: gives the output of an item.
        scorers: give the scores of an output.
        plan: how fast, how often.
        before: rows that are known, by their places; those without scores get them, and the task is not asked again.
    """
    return await _Run(items, task, scorers, plan, before).whole()


def marked(row: Sample, scorers: Sequence[Scorer]) -> Sample:
    """A row of what ended too soon, with an error where it was not scored."""
    return row if row.scores or row.error or not scorers else row._replace(error=_UNSCORED)


class _Run:
    def __init__(
        self, items: Sequence[Item], task: Callable[[Any], Any], scorers: Sequence[Scorer], plan: Plan,
        before: Mapping[int, Sample],
    ) -> None:  # fmt: skip
        self._items, self._task, self._scorers, self._plan = items, task, scorers, plan
        self._kept = KeptRows(self._known, plan.scored_by)
        known = {**before, **self._kept.last()}
        #: those that are done, by place
        self._rows = {place: row for place, row in known.items() if row.scores or row.error or not scorers}
        #: those that are to be scored
        self._outputs = {place: row for place, row in known.items() if place not in self._rows}
        self._tally = Tally(len(items), self._rows.values())
        self._tries = Tries(plan)
        self._stopped_by: str | None = None

    async def whole(self) -> Evaluation:
        """Go through all items, or as far as one is let."""
        loop, over = asyncio.get_running_loop(), self._tries.ending
        on_stop(lambda: loop.call_soon_threadsafe(over.set))
        self._tally.tell()
        missing = iter([place for place in range(len(self._items)) if place not in self._rows])
        lanes: asyncio.Future[Any] = asyncio.gather(*(self._lane(missing) for _ in range(self._plan.concurrency)))
        ending: asyncio.Future[Any] = asyncio.ensure_future(over.wait())
        try:
            await asyncio.wait({lanes, ending}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({lanes}, timeout=LINGER_S)
            if lanes.done():
                lanes.result()
        finally:
            lanes.cancel()
            ending.cancel()
            await asyncio.gather(lanes, ending, return_exceptions=True)
        self._kept.keep()
        return self._evaluation()

    def _evaluation(self) -> Evaluation:
        stopped_by = None if len(self._rows) == len(self._items) else self._stopped_by or stop_reason()
        rows = {
            place: row if place in self._rows else row._replace(error=_UNSCORED) for place, row in self._known().items()
        }
        if stopped_by == "shutdown":
            raise SkipRetry("The worker is to end: the evaluation goes on where another one has it.")
        return Evaluation(
            name=self._plan.name, total=len(self._items), stopped_by=stopped_by, scored_by=self._plan.scored_by,
            samples=tuple(rows[place] for place in sorted(rows)), scorers=self._tally.names,
        )  # fmt: skip

    async def _lane(self, missing: Iterator[int]) -> None:
        """Take items, one after the other, while there are any."""
        for place in missing:
            row = await self._row(place)
            if row is None:
                return
            self._rows[place] = row
            self._tally.add(row)
            self._kept.changed()
            if self._plan.max_errors is not None and self._tally.errors > self._plan.max_errors:
                self._stopped_by = "errors"
                self._tries.ending.set()

    async def _row(self, place: int) -> Sample | None:
        """The row of an item; None where all ends before it has one."""
        item, known = self._items[place], self._outputs.get(place)
        if known is not None:
            return await self._scored(item, known)
        found = await self._tries.call(self._task, item.value, counted=True)
        if found is None:
            return None
        row = Sample(
            id=item.id, input=item.input, target=item.target, output=found.value, scores={}, attempts=found.attempts,
            latency_s=found.seconds, error=found.error,
        )  # fmt: skip
        if found.error:
            return row
        self._outputs[place] = row
        return await self._scored(item, row)

    def _known(self) -> dict[int, Sample]:
        return {**self._outputs, **self._rows}

    async def _scored(self, item: Item, row: Sample) -> Sample | None:
        """The row with its scores; of a scorer that fails the error stands in it."""
        for scorer in self._scorers:
            found = await self._tries.call(_judged, scorer, item, row.output, counted=False)
            if found is None:
                return None
            answered, error = _numbers(scorer, found)
            if error:
                row = row._replace(error=row.error or f"scorer {scorer.name}: {error}")
            else:
                row = row._replace(scores={**row.scores, **answered})
        return row


async def _judged(scorer: Scorer, item: Item, output: Any) -> Any:
    more = {"item": item.value} if scorer.takes_item else {}
    return await called(scorer.fn, output, item.target, **more)


def _numbers(scorer: Scorer, found: Found) -> tuple[dict[str, float], str]:
    """What a scorer answered, or its error: it would answer the same once more, so it is not asked again for that."""
    if found.error:
        return {}, found.error
    try:
        return numbers(scorer.name, found.value), ""
    except Exception as error:  # noqa: BLE001 - of what the user's scorer answered; the row's
        return {}, in_words(error)
