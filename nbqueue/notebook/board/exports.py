"""The jobs of a dashboard as a file in the notebook's folder, offered as a download too where it is small."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

from nbqueue.client import frames
from nbqueue.display import theme, wording
from nbqueue.model.job import JobRecord

#: what a file can be: words -> the ending of its name
FORMATS = {"CSV": ".csv", "JSON lines": ".jsonl", "Excel": ".xlsx", "Parquet": ".parquet"}
#: a larger file is not sent to the page
LINK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file that was written."""

    path: Path
    #: what is in it, where that is little enough to be offered in the page
    content: bytes | None = None


def save(records: Sequence[JobRecord], ending: str, folder: Path, now: datetime) -> Saved:
    """Write a row a job into a file of that ending in a folder, named by the time.

    Raises:
        ConfigurationError: a library is missing, or the folder cannot be written to.
    """
    from nbqueue.analysis import export  # pandas is heavy

    df = frames.of_records(records)
    begin = export.format_of(ending, raw=False)
    path = export.write(df, folder / f"nbqueue-jobs-{now:%Y%m%d-%H%M%S}{ending}", begin)
    small = path.stat().st_size <= LINK_BYTES
    return Saved(path=path, content=path.read_bytes() if small else None)


def link(saved: Saved) -> str:
    """The file's path, and a link that downloads it."""
    told = f'<span style="{theme.MUTED}">{escape(wording.line(str(saved.path), 400))}</span>'
    if saved.content is not None:
        url = "data:application/octet-stream;base64," + base64.b64encode(saved.content).decode()
        name = escape(saved.path.name)
        told = f'<a download="{name}" href="{url}" style="text-decoration:underline">Download {name}</a> {told}'
    return f'<span style="{theme.FONT}">{told}</span>'
