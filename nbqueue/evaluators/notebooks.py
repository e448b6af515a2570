"""`run_notebook`: a whole notebook as one call, here or as a job."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from nbqueue.errors import NotebookFailed, SkipRetry
from nbqueue.evaluators import extras, notebook_source
from nbqueue.evaluators.notebook_checks import (
    cell_limit_s,
    check_arguments,
    check_here,
    folder_of,
    label,
    strange,
    target_of,
)
from nbqueue.evaluators.notebook_run import NotebookRun
from nbqueue.inside import current_job, on_stop, stop_reason
from nbqueue.model.durations import Duration
from nbqueue.model.foresight import foresees
from nbqueue.model.signatures import guiding

if TYPE_CHECKING:
    from nbqueue.evaluators.notebook_client import Execution

log = logging.getLogger("nbqueue")

#: seconds between two times that the file of `output` is written
_SAVE_S = 1.0
#: errors travel with so much at most, and this is a part of one
_MOST_BYTES = 900_000


@foresees(check=check_arguments, check_here=check_here, label=label, strange=strange)
@guiding
def run_notebook(
    notebook: Any,
    parameters: Mapping[str, Any] | None = None,
    *,
    cell_timeout: Duration | None = None,
    kernel: str | None = None,
    allow_errors: bool = False,
    output: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> NotebookRun:
    """The notebook with its outputs, run from its first cell to its last in a kernel of its own.

    A plain function; as a job it is `submit(run_notebook, "report.ipynb", {"alpha": 0.1})`: its progress is the cells,
    their outputs are in its log, and a cancel or a time limit interrupts the cell and gives what there is.

    Args:
        notebook: the path of a file, or a node of nbformat.
        parameters: values in place of those that the cell tagged "parameters" sets, as papermill does it.
        cell_timeout: seconds for one cell.
        kernel: the name of the kernel; that of the notebook if not given.
        allow_errors: True goes on after cells that raise.
        output: a file that is written while it runs and at its end, however that comes. Where that fails later on, as
            on a full disk, it is logged, and the run goes on.
        folder: where the kernel runs; the notebook's own if not given.

    Raises:
        ConfigurationError: the notebook, its kernel, one of the parameters or the folder of `output` is not there.
        NotebookFailed: a cell raised or took too long, or the kernel died; its `run` is the notebook so far.
    """
    check_arguments(
        {"notebook": notebook, "parameters": parameters, "cell_timeout": cell_timeout, "kernel": kernel,
         "output": output, "folder": folder}
    )  # fmt: skip
    limit_s = cell_limit_s(cell_timeout)
    node = notebook_source.read(notebook)
    name = str(notebook) if isinstance(notebook, str | os.PathLike) else ""
    chosen = notebook_source.kernel_of(node, kernel)
    node = notebook_source.parameterized(node, parameters or {}, chosen)
    place, target = folder_of(folder, notebook), target_of(output)
    extras.load("nbclient", "notebooks", "run_notebook")
    from nbqueue.evaluators.notebook_client import Execution

    execution = Execution(node, kernel=chosen, folder=str(place), cell_timeout_s=limit_s, allow_errors=allow_errors)
    return _Running(execution, node, name, target).end()


class _Running:
    def __init__(self, execution: Execution, node: Any, name: str, output: Path | None) -> None:
        self._execution, self._node, self._name, self._output = execution, node, name, output
        self._began = self._saved = monotonic()
        self._error: BaseException | None = None
        execution.on_cell = self._save_sometimes

    def end(self) -> NotebookRun:
        """The run at its end; raises where that was not a good one."""
        on_stop(self._execution.stop)
        # its loop is in a thread of its own: there may be one here, and nbclient takes signals where it can
        working = threading.Thread(target=contextvars.copy_context().run, args=(self._work,), name="nbqueue-notebook")
        working.start()
        try:
            working.join()
        except BaseException:
            self._execution.stop()
            working.join()
            self._save()
            raise
        self._save()
        if self._error is not None:
            raise self._error
        run = self._run()
        if run.status == "stopped" and stop_reason() == "shutdown":
            raise SkipRetry("The worker is to end: the notebook runs again elsewhere.")
        if run.status not in ("succeeded", "stopped"):
            raise NotebookFailed(_sentence(run), run if current_job() is None else run.shortened(_MOST_BYTES))
        return run

    def _work(self) -> None:
        try:
            asyncio.run(self._execution.whole())
        except BaseException as error:  # noqa: BLE001 - raised where the run is waited for
            self._error = error

    def _run(self) -> NotebookRun:
        found = self._execution
        is_whole = found.status == "succeeded"
        return NotebookRun(
            notebook=self._node, status=found.status, done=found.done, total=found.total, error=found.error,
            seconds=monotonic() - self._began, cell=None if is_whole else found.cell, name=self._name,
        )  # fmt: skip

    def _save_sometimes(self) -> None:
        if self._output is not None and monotonic() - self._saved >= _SAVE_S:
            self._save()

    def _save(self) -> None:
        if self._output is None:
            return
        try:
            self._run().save(self._output)
        except OSError as error:  # what has run is worth more than its file
            log.warning("The notebook could not be written to %s: %s", self._output, error)
        self._saved = monotonic()


def _sentence(run: NotebookRun) -> str:
    what = {
        "failed": f"raised {run.error}",
        "timed out": "took longer than its limit",
        "died": f"was running when the kernel died ({run.error})",
    }[run.status]
    about = f"The notebook {run.name}" if run.name else "The notebook"
    what = what.removesuffix(".")
    where = "Its first cell" if run.cell is None else f"Cell {run.cell}"
    return f"{about} did not come to its end. {where} {what}."
