"""A dashboard as it is at one moment, as plain tables: what a saved notebook keeps and a terminal shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from nbqueue.board import columns, roster
from nbqueue.board.columns import Row
from nbqueue.board.facts import Facts
from nbqueue.board.roster import Choice
from nbqueue.display import wording
from nbqueue.display.table import Table
from nbqueue.notebook.publish import Bundle

#: jobs that are listed, and which if nobody chose
JOBS, CHOICE = 20, Choice()


def bundle(facts: Facts, place: str, choice: Choice = CHOICE) -> Bundle:
    """The tables as HTML and as text; of jobs the first of those that are chosen."""
    first, tables, last = _first(facts, place), _tables(facts, choice), _last(facts)
    html = "".join(table._repr_html_() for table in tables)
    below = f"<div>{escape(last)}</div>" if last else ""
    return {
        "text/html": f"<div><div><b>{escape(first)}</b></div>{html}{below}</div>",
        "text/plain": "\n\n".join(part for part in (first, *map(repr, tables), last) if part),
    }


def _first(facts: Facts, place: str) -> str:
    as_of = f", as of {wording.moment(facts.at)}" if facts.at is not None else ""
    problem = f": {facts.problem}" if facts.problem else ""
    return wording.line(f"nbqueue, {place}{as_of}{problem}", 400)


def _last(facts: Facts) -> str:
    return columns.ended(facts.chart) + "." if facts.chart is not None else ""


def _tables(facts: Facts, choice: Choice) -> tuple[Table, ...]:
    if facts.at is None:
        return ()
    now = facts.at
    first = replace(choice, page=0, page_size=JOBS)
    page = roster.page(facts.jobs, first, groups=facts.groups, own=facts.own)
    some = f", {JOBS} of {page.total:,}" if page.total > JOBS else ""
    queues = _texts([columns.queue(each) for each in facts.queues])
    workers = _texts([columns.worker(each, now) for each in facts.engines])
    jobs = _texts([columns.job(each, now, facts.lacks.get(each.id, "")) for each in page.rows])
    return (
        Table(title="Queues", columns=columns.names(columns.QUEUES), rows=queues, empty="None was used so far."),
        Table(title="Workers", columns=columns.names(columns.WORKERS), rows=workers, empty="None is running."),
        Table(title=f"Jobs{some}", columns=columns.names(columns.JOBS), rows=jobs, empty="None is known so far."),
    )


def _texts(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [tuple(cell.words for cell in row) for row in rows]
