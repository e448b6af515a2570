"""A notebook while it runs: its kernel, its cells one after the other, and its end. Imports nbclient."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async

from nbqueue.evaluators.notebook_run import Status, first_line
from nbqueue.evaluators.notebook_sockets import Sockets
from nbqueue.inside import progress

#: seconds that an interrupted cell gets, and then the end of its kernel
_INTERRUPTED_S = 0.4
_ENDING_S = 5.0
_SHORT = "/tmp" if sys.platform != "win32" else ""  # noqa: S108 - in a folder that nobody else can open


class Client(nbclient.NotebookClient):
    """Executes cells, says which one, and passes on what they print."""

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Keep what a cell gives, and print it too."""
        content = msg["content"]
        match msg["msg_type"]:
            case "stream":
                _print(content["text"])
            case "execute_result" | "display_data":
                _print(str(content["data"].get("text/plain", "")) + "\n")
            case "error":
                _print("\n".join(content["traceback"]) + "\n")
        return super().process_message(msg, cell, cell_index)


class Execution:
    """One run of a notebook, in a loop of its own."""

    def __init__(
        self, node: Any, *, kernel: str, folder: str, cell_timeout_s: float | None, allow_errors: bool
    ) -> None:
        # its sockets are files that nobody else may open; their paths have to be short
        self._sockets = Sockets(Path(_SHORT)) if _SHORT else None
        self._manager = AsyncKernelManager(kernel_name=kernel, **_place(self._sockets))
        self._client = Client(
            node, km=self._manager, allow_errors=allow_errors, timeout_func=lambda _: cell_timeout_s,
            on_cell_start=self._begin, on_cell_executed=self._end, resources={"metadata": {"path": folder}},
        )  # fmt: skip
        #: called after each cell
        self.on_cell: Callable[[], object] = _nothing
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopped = False
        #: code cells in all, and those that ran
        self.total = sum(self._runs(cell) for cell in node.cells)
        self.done = 0
        #: the place of the cell that runs, or ran last
        self.cell: int | None = None
        self.status: Status = "succeeded"
        self.error = ""

    def stop(self) -> None:
        """Interrupt the cell that runs, from any thread, and end the kernel."""
        self._is_stopped = True
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def whole(self) -> None:
        """Run the cells; how that ended is in `status` and `error`."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._is_stopped:
            self._stop.set()
        cells = asyncio.ensure_future(self._client.async_execute())
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({cells, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not cells.done():
                await self._interrupt(cells)
            await self._judge(cells)
        finally:
            stop.cancel()
            await asyncio.shield(self._end_kernel())

    async def _interrupt(self, cells: asyncio.Future[Any]) -> None:
        if self.cell is not None:
            await self._manager.interrupt_kernel()
            await asyncio.wait({cells}, timeout=_INTERRUPTED_S)
        cells.cancel()
        await asyncio.wait({cells}, timeout=_ENDING_S)

    async def _judge(self, cells: asyncio.Future[Any]) -> None:
        try:
            await cells
        except CellTimeoutError as error:
            self.status, self.error = "timed out", f"CellTimeoutError: {str(error).splitlines()[0]}"
        except CellExecutionError as error:
            self.status, self.error = "failed", f"{error.ename}: {error.evalue}"
        except DeadKernelError as error:
            self.status, self.error = "died", f"DeadKernelError: {error}"
        except RuntimeError as error:  # it died before its first answer
            self.status, self.error = "died", f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
        if self._is_stopped:
            self.status, self.error = "stopped", ""

    async def _end_kernel(self) -> None:
        """Nothing of it is left, whatever it was doing."""
        if self._client.kc is not None:
            self._client.kc.stop_channels()
        if self._manager.has_kernel:
            await self._manager.shutdown_kernel(now=self.status != "succeeded")
        await ensure_async(self._manager.cleanup_resources())
        if self._sockets is not None:
            self._sockets.remove()

    def _begin(self, cell: Any, cell_index: int) -> None:
        if self._runs(cell):
            self.cell = cell_index
            progress(self.done, self.total, first_line(cell))

    def _runs(self, cell: Any) -> bool:
        """Whether it is one of those that run."""
        skipped = self._client.skip_cells_with_tag in cell.metadata.get("tags", ())
        return cell.cell_type == "code" and bool(cell.source.strip()) and not skipped

    def _end(self, **_: Any) -> None:
        self.done += 1
        progress(self.done, self.total)
        self.on_cell()


def _place(sockets: Sockets | None) -> dict[str, Any]:
    if sockets is None:
        return {}
    return {
        "transport": "ipc",
        "ip": str(sockets.folder / "kernel"),
        "connection_file": str(sockets.folder / "kernel.json"),
    }


def _nothing() -> None:
    """Nobody wants to know."""


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
