"""A real kernel for tests: cells are run, and everything it publishes is kept."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.manager import start_new_kernel

from tests.notebook.ipykernels import python_path
from tests.waiting import SLACK

WIDGET = "application/vnd.jupyter.widget-view+json"

Message = Mapping[str, Any]


@dataclass
class Kernel:
    """A kernel that runs."""

    client: Any
    manager: Any
    #: everything it published so far, in order
    messages: list[Message] = field(default_factory=list)

    def run(self, code: str, timeout_s: float = 30.0) -> list[Message]:
        """Run a cell; what was published until it was done. An error in it fails the test."""
        return self.done(self.begin(code), timeout_s)

    def begin(self, code: str) -> tuple[str, int]:
        """Have a cell begin; its request, and how many messages there were before."""
        return self.client.execute(code), len(self.messages)

    def done(self, begun: tuple[str, int], timeout_s: float = 30.0) -> list[Message]:
        """What was published from the beginning of a cell until it was done. An error in it fails the test."""
        request, before = begun
        self.seen(lambda found: _is_end(found, request), timeout_s)
        published = self.messages[before:]
        errors = [item["content"] for item in published if item["msg_type"] == "error"]
        assert errors == [], "\n".join(errors[0]["traceback"])
        return published

    def printed(self, code: str) -> str:
        """What a cell prints, on either stream."""
        return "".join(item["content"]["text"] for item in self.run(code) if item["msg_type"] == "stream")

    def until(self, wanted: Callable[[Message], bool], timeout_s: float = 10.0) -> Message:
        """The next message that is wanted."""
        timeout_s *= SLACK
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            try:
                message: Message = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                continue
            self.messages.append(message)
            if wanted(message):
                return message
        raise AssertionError(f"Not published within {timeout_s:g} s; the last: {self.messages[-3:]}")

    def seen(self, wanted: Callable[[Message], bool], timeout_s: float = 10.0) -> Message:
        """The first message that is wanted, which may have been published before."""
        return next((item for item in self.messages if wanted(item)), None) or self.until(wanted, timeout_s)

    def click(self, model_id: str) -> None:
        """Send what a page sends when a button is clicked."""
        content = {"comm_id": model_id, "data": {"method": "custom", "content": {"event": "click"}, "buffers": []}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    def kill(self) -> None:
        """SIGKILL."""
        self.manager.signal_kernel(signal.SIGKILL)


@contextmanager
def running_kernel(**environ: str) -> Iterator[Kernel]:
    """A kernel with this project in its path and these variables in its environment."""
    variables = {**os.environ, "PYTHONPATH": python_path(), "PYDEVD_DISABLE_FILE_VALIDATION": "1", **environ}
    manager, client = start_new_kernel(kernel_name="python3", env=variables)
    try:
        yield Kernel(client, manager)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def displayed(messages: list[Message], kind: str = "display_data") -> list[dict[str, Any]]:
    """The bundles that were published (or, with kind "update_display_data", replaced)."""
    return [item["content"]["data"] for item in messages if item["msg_type"] == kind]


def lines(messages: list[Message], kind: str = "update_display_data") -> list[str]:
    """The plain texts of what was published, but for what is nothing."""
    return [bundle["text/plain"] for bundle in displayed(messages, kind) if bundle.get("text/plain")]


def opened(messages: list[Message]) -> dict[str, dict[str, Any]]:
    """Model id -> first state of the widgets that were made."""
    return {
        item["content"]["comm_id"]: item["content"]["data"]["state"]
        for item in messages
        if item["msg_type"] == "comm_open"
    }


def sent(messages: list[Message]) -> list[dict[str, Any]]:
    """The changes of widgets' traits, each with the model's id as "model"."""
    return [
        {"model": item["content"]["comm_id"], **item["content"]["data"]["state"]}
        for item in messages
        if item["msg_type"] == "comm_msg" and item["content"]["data"].get("method") == "update"
    ]


def _is_end(message: Message, request: str) -> bool:
    return bool(
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"].get("msg_id") == request
    )
