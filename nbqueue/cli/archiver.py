"""The process that archives beside a worker: started again when it ends, and ended with the worker."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nbqueue.model.settings import Settings

logger = logging.getLogger("nbqueue.worker")

#: how often a worker's archive is written to
EVERY_S = 3600.0
#: how long it waits before it is started again: the first time, and at most
FIRST_WAIT_S, MOST_WAIT_S = 1.0, 60.0
#: how long the process gets to end
END_S = 10.0


@contextmanager
def beside(folder: Path | None, settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Archive into a folder, in a process of its own, as long as the block runs."""
    if folder is None:
        yield
        return
    from nbqueue.analysis.archive import Archive
    from nbqueue.analysis.files import arrow_table

    arrow_table.library()
    Archive(folder).make()
    say(f"The history is archived to {folder}, now and each hour.")
    archiver = _Archiver(folder, settings)
    archiver.start()
    try:
        yield
    finally:
        archiver.end()


class _Archiver:
    """The process, and the thread that waits for its end."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        words = ["history", "archive", str(folder), "--every", str(EVERY_S), "--beside", str(os.getpid())]
        self._command = [sys.executable, "-m", "nbqueue", *words]
        # the password of a server is nothing for a command line
        where = {"URL": settings.url, "HOME": str(settings.home), "NAMESPACE": settings.namespace}
        given = {f"NBQUEUE_{name}": value for name, value in where.items() if value is not None}
        self._environ = {**os.environ, **given}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        #: held while a process is started, so that none is after the end
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="nbqueue-archiver", daemon=True)

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._thread.start()

    def end(self) -> None:
        """End it; no other is started."""
        with self._lock:
            self._is_over.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(END_S)
        if self._process is not None and self._thread.is_alive():
            self._process.kill()
            self._thread.join(END_S)

    def _serve(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._is_over.is_set():
            began = time.monotonic()
            ending = self._run()
            if self._is_over.is_set():
                return
            if time.monotonic() - began > MOST_WAIT_S:
                wait_s = FIRST_WAIT_S
            logger.warning("Archiving to %s ended with %s; it starts again in %g s.", self._folder, ending, wait_s)
            self._is_over.wait(wait_s)
            wait_s = min(2 * wait_s, MOST_WAIT_S)

    def _run(self) -> str:
        """One process from its start to its end; how it ended."""
        try:
            with self._lock:
                if self._is_over.is_set():
                    return ""
                # a group of its own: Ctrl-C is for the worker, which ends it afterwards
                self._process = subprocess.Popen(  # noqa: S603
                    self._command, env=self._environ, stdin=subprocess.DEVNULL, process_group=0
                )
        except OSError as error:
            return str(error)
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"
