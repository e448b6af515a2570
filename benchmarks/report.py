"""The tables of docs/benchmarks.md, written between two marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.contestants import ARQ, BULLMQ, PYTHON_PEERS
from benchmarks.measures import http, interfaces
from benchmarks.record import Record
from benchmarks.rounds import Results, Series

BEGIN, END = "<!-- results: written by make bench -->", "<!-- end of results -->"

TITLES = {
    "drain": "No-op async jobs through one worker process",
    "latency": "From submit to result, one job at a time, idle worker",
    "bulk": "Bulk submit",
    "children": "No-op sync functions in killable child processes",
    "fresh": "First steps",
    "past": "The history as a frame, and the server's worst PING meanwhile",
    "features": "What a feature costs: no-op async jobs that use it, beside plain ones",
    "digests": "Whether two calls are the same",
    "claims": "One claim of 64 jobs while many wait, on the server's clock",
    "executors": "Executors: 1,000 no-op calls by map, and one call at a time",
    "backends": "A grid search of 45 fits, through joblib's backends",
    "http": "Jobs over HTTP, 16 callers at once, nobody working",
    "recovery": "Until the job of a worker that was killed runs again",
}
#: the quantity that ratios are made of, and whether more of it is better
COMPARED = {
    "drain": ("jobs/s", True), "latency": ("p50 ms", False), "bulk": ("jobs/s", True), "past": ("rows/s", True),
    "executors": ("calls/s", True), "backends": ("s, 45 long fits", False), "http": ("submits/s", True),
    "recovery": ("s", False),
}  # fmt: skip
#: rows that the others are compared with, where they are there
BASES = (BULLMQ, interfaces.PROCESSES, interfaces.LOKY, interfaces.DASK_FUTURES, interfaces.IPYPARALLEL, http.FLOWER)


def tables(record: Record) -> str:
    """All tables, as Markdown."""
    parts = [_table(("fact", "value"), record.facts.items())]
    for name, results in record.measured.items():
        parts.append(f"## {TITLES[name]}\n\n{_apart(record, name)}{_result_table(name, results)}")
    return "\n\n".join(parts)


def write_page(page: Path, text: str) -> None:
    """Put the tables between the marks of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _apart(record: Record, name: str) -> str:
    """Where a measure comes from another run than the rest: what was otherwise then."""
    if name not in record.apart:
        return ""
    facts = record.apart[name]
    other = [f"{fact} {value}" for fact, value in facts.items() if record.facts.get(fact) != value and fact != "Date"]
    return f"Measured in a run of its own: {'; '.join([facts['Date'], *other])}.\n\n"


def _result_table(name: str, results: Results) -> str:
    quantities = list(dict.fromkeys(what for found in results.values() for what in found if what != "failure"))
    ratios = _ratios(name, results)
    head = ("", *quantities, *ratios)
    rows = []
    for who, found in _ranked(name, results):
        if "failure" in found and len(found) == 1:
            rows.append((who, _unmeasured(found["failure"].failure), *[""] * (len(head) - 2)))
            continue
        cells = [_cell(found[what]) if what in found else "" for what in quantities]
        rows.append((who, *cells, *(_ratio(name, found, base) for base in ratios.values())))
    return _table(head, rows)


def _unmeasured(failure: str) -> str:
    """What stands in the row: a limit that was passed is a result as well."""
    return failure if failure.startswith(">") else f"not measured: {failure}"


def _ranked(name: str, results: Results) -> list[tuple[str, dict[str, Series]]]:
    """The best first, where there is a comparison; the unmeasured last."""
    if name not in COMPARED:
        return list(results.items())
    quantity, more_is_better = COMPARED[name]
    sign = -1 if more_is_better else 1

    def rank(item: tuple[str, dict[str, Series]]) -> tuple[bool, float]:
        series = item[1].get(quantity)
        return (series is None, sign * series.median if series else 0.0)

    return sorted(results.items(), key=rank)


def _ratios(name: str, results: Results) -> dict[str, float]:
    """Column title -> the median it is relative to."""
    if name not in COMPARED:
        return {}
    quantity, more_is_better = COMPARED[name]
    medians = {who: found[quantity].median for who, found in results.items() if quantity in found}
    peers = [each.name for each in PYTHON_PEERS if each.name in medians]
    found = {}
    if ARQ.name in medians:
        found["to arq"] = medians[ARQ.name]
    if peers:
        best = (max if more_is_better else min)(peers, key=medians.__getitem__)
        found[f"to the best Python peer ({best})"] = medians[best]
    return found | {f"to {each.name}": medians[each.name] for each in BASES if each.name in medians}


def _ratio(name: str, found: Mapping[str, Series], base: float) -> str:
    quantity, more_is_better = COMPARED[name]
    if quantity not in found:
        return ""
    median = found[quantity].median
    times = median / base if more_is_better else base / median
    return f"{times:.2f} x" if times >= 0.01 else f"{times:.1g} x"  # noqa: PLR2004 - two digits would be 0.00


def _cell(series: Series) -> str:
    low, high = min(series.numbers), max(series.numbers)
    if len(series.numbers) == 1:
        return _number(series.median)
    return f"**{_number(series.median)}** ({_number(low)} - {_number(high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - no more digits than were measured


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in line) + " |" for line in lines
    )
