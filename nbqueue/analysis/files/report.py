"""HTML: a report in one page, with counts, charts and the newest attempts; nothing of it runs or is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import IO, Any

import pandas as pd

from nbqueue.analysis.files import pictures, summary
from nbqueue.analysis.files.cells import Style, texts
from nbqueue.errors import ConfigurationError

#: attempts in the table: the newest so many
ROWS = 1_000
#: columns of that table
SHOWN = (
    "finished_at", "job", "attempt", "state", "queue", "function", "label", "wait_s", "duration_s", "worker",
    "error_type", "error",
)  # fmt: skip
_NUMBERS = {"attempt", "wait_s", "duration_s"}
_NEEDED = dict.fromkeys((*SHOWN, *pictures.COLUMNS))
#: characters of a cell
_CHARS = 300
_CSS = """
:root{color-scheme:light dark;--text:#1b1f24;--muted:#59636e;--page:#fff;--line:#d1d9e0;--head:#f3f5f7}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--muted:#9da7b1;--page:#0d1117;--line:#3d444d;--head:#1b2129}}
body{color:var(--text);background:var(--page);font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1200px;
padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}p{color:var(--muted)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem;text-align:left;vertical-align:top}
th{background:var(--head)}td.number,th.number{text-align:right}td{overflow-wrap:anywhere}
div.wide{overflow-x:auto}div.wide td{white-space:nowrap}
img{background:#fff;border:1px solid var(--line);border-radius:6px;display:block;margin:.75rem 0;max-width:100%}
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Report:
    """A page about attempts; of each it keeps what is counted and drawn, of the newest what the table shows."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._kept: list[pd.DataFrame] = []
        self._newest = pd.DataFrame(columns=list(SHOWN))

    def add(self, df: pd.DataFrame) -> None:
        """Take the attempts of a frame."""
        missing = [name for name in _NEEDED if name not in df.columns]
        if missing:
            raise ConfigurationError(f"The frame has no column {missing[0]!r}: give one that nbqueue.history() made.")
        newest = df.tail(ROWS)[list(_NEEDED)]
        short = ROWS - len(newest)
        self._newest = pd.concat([self._newest.tail(short), newest]) if short and len(self._newest) else newest
        self._kept.append(df[list(dict.fromkeys((*summary.COLUMNS, *pictures.COLUMNS)))].drop(columns="label"))

    def close(self) -> None:
        """Write the page."""
        for part in self._page():
            self._file.write(part.encode(errors="replace"))

    def drop(self) -> None:
        """Nothing is kept beside the file."""

    def _page(self) -> Iterator[str]:
        df = _joined(self._kept)
        self._kept = []
        yield (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>nbqueue: {len(df):,} attempts</title><style>{_CSS}</style></head>\n"
            "<body><h1>nbqueue: history</h1>\n"
        )
        yield f"<p>{_text(summary.sentence(df))}</p>\n"
        for title, names, rows in summary.tables(df):
            yield f"<h2>{_text(title)}</h2>\n{_table(names, rows, set(names[1:]))}"
        yield "<h2>Charts</h2>\n"
        # the labels of all would be most of the memory, and only the newest are drawn
        labels = self._newest["label"].reset_index(drop=True)
        labels.index += len(df) - len(labels)
        for words, url in pictures.pictures(df.assign(label=labels.reindex(df.index))):
            yield f'<img src="{url}" alt="{_text(words)}">\n'
        some = f"The newest {len(self._newest):,} of {len(df):,}" if len(self._newest) < len(df) else f"All {len(df):,}"
        yield f"<h2>Attempts</h2>\n<p>{some}, the newest first. Times are UTC, waits and durations seconds.</p>\n"
        yield f'<div class="wide">{_attempts(self._newest)}</div>\n</body></html>\n'


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All parts as one; categories stay categories, whichever each part has."""
    found: dict[Any, Any] = {}
    for name in parts[0].columns:
        columns = [part[name] for part in parts]
        if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            found[name] = pd.api.types.union_categoricals(columns)
        else:
            found[name] = pd.concat(columns, ignore_index=True)
    return pd.DataFrame(found)


def _attempts(newest: pd.DataFrame) -> str:
    style = Style(missing="", text=str, nested=str, true="yes", false="no")
    cells = [texts(newest[name].iloc[::-1], style) for name in SHOWN]
    for name in ("finished_at", "wait_s", "duration_s"):
        place = SHOWN.index(name)
        cells[place] = [_short(text) for text in cells[place]]
    return _table([name.replace("_", " ") for name in SHOWN], zip(*cells, strict=True), {
        name.replace("_", " ") for name in _NUMBERS
    })  # fmt: skip


def _short(text: str) -> str:
    """A time to the second, a number of seconds to the millisecond."""
    return text[:19].replace("T", " ") if "T" in text else f"{float(text):.3f}" if text else ""


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], numbers: set[str]) -> str:
    marks = [' class="number"' if name in numbers else "" for name in names]
    head = "".join(f'<th scope="col"{mark}>{_text(name)}</th>' for name, mark in zip(names, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{_text(cell)}</td>" for cell, mark in zip(row, marks, strict=True)) + "</tr>\n"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>\n"


def _text(text: str) -> str:
    """A text as the page shows it: nothing of it is a tag, turns the line round or is too long."""
    short = text if len(text) <= _CHARS else text[: _CHARS - 1] + "…"
    return escape("".join(mark if mark.isprintable() else " " for mark in short))
