"""A notebook that was run: its cells with their outputs, and how it ended."""

from __future__ import annotations

import copy
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, Literal

#: failed: a cell raised; stopped: it was asked to; timed out: a cell took too long; died: its kernel did
Status = Literal["succeeded", "failed", "stopped", "timed out", "died"]

#: as scrapbook writes what it keeps, and `display(data, raw=True)` can
_SCRAP = "application/scrapbook.scrap.json+json"


@dataclass(frozen=True, kw_only=True)
class NotebookRun:
    """What there is of a notebook that ran, to its end or not."""

    #: the notebook with the outputs so far, as nbformat has it
    notebook: Any
    status: Status
    #: code cells that ran, and code cells in all
    done: int
    total: int
    seconds: float
    #: of the cell that ended it: "ValueError: no"; empty: none did
    error: str = ""
    #: the place of that cell in the notebook, from 0
    cell: int | None = None
    #: the file it was read from; empty: none
    name: str = ""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the notebook into a file, whole or not at all; gives its path."""
        target = Path(path).expanduser()
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_text(json.dumps(self.notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def shortened(self, limit_bytes: int) -> NotebookRun:
        """The same, its largest outputs left out as far as it would take more than so many bytes on its way."""
        found = replace(self, notebook=copy.deepcopy(self.notebook))
        outputs = [each for each in _outputs(found.notebook) if each["output_type"] != "error"]
        for output in sorted(outputs, key=lambda each: len(json.dumps(each)), reverse=True):
            if len(_packed(found.notebook)) <= limit_bytes:
                break
            size = len(json.dumps(output))
            output.clear()
            output.update(output_type="stream", name="stderr", text=f"({size:,} bytes of output are left out)\n")
        return found

    @property
    def errors(self) -> list[str]:
        """The errors of all cells that raised, also of those that were allowed to."""
        return [f"{each.get('ename')}: {each.get('evalue')}" for each in _outputs(self.notebook, "error")]

    @property
    def scraps(self) -> dict[str, Any]:
        """What the notebook handed over by name, as scrapbook's `glue` does; the last one of each name."""
        found = {}
        for output in _outputs(self.notebook, "display_data"):
            scrap = output.get("data", {}).get(_SCRAP)
            if isinstance(scrap, dict) and "name" in scrap:
                found[str(scrap["name"])] = scrap.get("data")
        return found

    def __repr__(self) -> str:
        name = f" {self.name}" if self.name else ""
        return f"<NotebookRun{name}: {self._told()}>"

    def _told(self) -> str:
        error = f": {self.error}" if self.error else ""
        return f"{self.status} after {self.done} of {self.total} cells, {self.seconds:.1f} s{error}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{place}</td><td><code>{escape(first_line(cell))}</code></td><td>{_state(cell)}</td></tr>"
            for place, cell in enumerate(self.notebook["cells"])
            if cell["cell_type"] == "code"
        )
        return f"<p><b>{escape(self.name or 'notebook')}</b>: {escape(self._told())}</p><table>{rows}</table>"

    def __reduce__(self) -> tuple[Any, ...]:
        """As compressed JSON: outputs are long, and say much twice."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "notebook"}
        return _again, (_packed(self.notebook), fields)


def first_line(cell: Any) -> str:
    """The first line of a cell that says something."""
    return next((line.strip() for line in cell["source"].splitlines() if line.strip()), "")[:100]


def _packed(notebook: Any) -> bytes:
    return zlib.compress(json.dumps(notebook).encode(), 6)


def _again(data: bytes, fields: dict[str, Any]) -> NotebookRun:
    import nbformat  # where the notebook is used: not everybody who holds a run looks into it

    node: Any = nbformat.from_dict(json.loads(zlib.decompress(data)))
    return NotebookRun(notebook=node, **fields)


def _outputs(notebook: Any, kind: str = "") -> Iterator[Any]:
    for cell in notebook["cells"]:
        yield from (each for each in cell.get("outputs", ()) if kind in ("", each["output_type"]))


def _state(cell: Any) -> str:
    if any(each["output_type"] == "error" for each in cell.get("outputs", ())):
        return "error"
    return "ran" if cell.get("execution_count") else ""
