"""A thread of the engine that names the job which keeps its loop from turning."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

#: how often the loop shows that it turns, and how often the thread looks
TURN_S, LOOK_S = 0.25, 1.0
#: what the task of a job that runs in the loop is called, before its id
TASK_PREFIX = "job:"


class Watchman:
    """Tells the supervisor who is at fault when the loop stands still, since the loop cannot."""

    def __init__(self, loop: asyncio.AbstractEventLoop, line: socket.socket) -> None:
        self._loop, self._line = loop, line
        self._turns = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="nbqueue-watchman", daemon=True)

    async def watch(self) -> None:
        """Watch until cancelled, counting the loop's turns."""
        self._thread.start()
        try:
            while True:
                self._turns += 1
                await asyncio.sleep(TURN_S)
        finally:
            self._over.set()

    def _watch(self) -> None:
        seen = -1
        while not self._over.wait(LOOK_S):
            if self._turns == seen:
                self._name_it()
            seen = self._turns

    def _name_it(self) -> None:
        task = asyncio.current_task(self._loop)
        name = task.get_name() if task is not None else ""
        if name.startswith(TASK_PREFIX):
            word = json.dumps({"word": "hog", "job": name.removeprefix(TASK_PREFIX)})
            try:
                self._line.sendall(word.encode() + b"\n")
            except OSError:
                self._over.set()
