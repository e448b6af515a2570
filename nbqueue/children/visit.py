"""One run as its child sees it: the frame it came with, the context its code sees, the frames it leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from nbqueue.broker import codec
from nbqueue.children import calls, telemetry
from nbqueue.children.frames import Header
from nbqueue.children.handed import unpacked
from nbqueue.children.line import ChildLine
from nbqueue.inside import tracing
from nbqueue.inside.context import JobContext, JobInfo
from nbqueue.inside.reports import Ticker
from nbqueue.model.backoff import Backoff


class Post(Protocol):
    """What sends frames to the engine."""

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Send a frame."""

    def hand_over(self, header: Header, payload: bytes) -> None:
        """Send a frame from user code's thread; gives when it is out."""


class Visit:
    """A run in this child; it is the sink of its own context."""

    def __init__(
        self,
        header: Header,
        payload: bytes,
        post: Post,
        ticker: Ticker,
        write: Callable[[str], object] | None = None,
        *,
        may_block: Callable[[], bool] = lambda: True,
    ) -> None:
        self.header = header
        #: the call, encoded, and the results of other jobs that it takes
        self._call, self._inputs, kept = unpacked(header, payload)
        self.number: int = header["n"]
        #: where it was submitted from, or nothing
        self.folder: str = header.get("folder", "")
        #: seconds its code may run; None: no limit
        self.timeout_s: float | None = header["timeout"]
        self._post, self._ticker = post, ticker
        self._backoff: Backoff | None = None
        self.context = JobContext(
            self._info,
            self,
            ticker,
            checkpoint=kept,
            write=write,
            dump=codec.dump_plain_value if header.get("plain") else codec.dump_value,
            load=codec.load_plain_value if header.get("plain") else codec.load_value,
            open_line=lambda context: ChildLine(
                context,
                self.number,
                seed=f"{self.header['job']['id']}/{header.get('tries', 0)}",
                limit_bytes=header["limit"],
                blob_bytes=header.get("blob", 0),
                post=post,
                may_block=may_block,
                plain=header.get("plain", False),
            ),
        )

    def load(self) -> Callable[[], Any]:
        """What is to be called, with its arguments; the bytes they came as are let go."""
        payload, inputs = self._call, self._inputs
        self._call, self._inputs = b"", {}
        call, self._backoff = calls.load(self.header, payload, inputs)
        if "trace" in self.header:
            telemetry.set_up(self._post, self._ticker)
            tracing.enter(self.header["trace"])
        return call

    def failed(self, error: BaseException) -> calls.Ended:
        """Its end by an error. After a stop nobody asks the policy's own function: the stop says what comes next."""
        return calls.failed(self.header, error, self._backoff if self.context.stop.reason is None else None)

    def begin(self, *, tell: bool = True) -> None:
        """Its code starts now, and its time limit counts from here; the engine is told where it wants to know."""
        self.context.begin(self.timeout_s)
        if tell:
            self._post.send({"t": "start", "n": self.number})

    def hear(self, header: Header, payload: bytes) -> None:
        """Take what the engine says to something that was asked."""
        line = self.context.line
        if line is not None and line.hear is not None:
            line.hear(header, payload)

    def progress(self, wire: dict[str, Any]) -> None:
        """Send the merged progress."""
        self._post.send({"t": "progress", "n": self.number, "p": wire})

    def log(self, text: str) -> None:
        """Send lines of the log."""
        self._post.send({"t": "log", "n": self.number, "text": text})

    def checkpoint(self, data: bytes) -> None:
        """Send a checkpoint; it is out when this returns, whatever the code does next."""
        calls.check_size(data, "checkpoint", self.header["limit"])
        self._post.hand_over({"t": "checkpoint", "n": self.number}, data)

    def partial(self, value: Any) -> None:
        """Send what is handed back where the code is stopped without an answer; it is out when this returns."""
        fields, data = calls.returned(self.header, value)
        self._post.hand_over({"t": "partial", "n": self.number, "codec": fields["codec"]}, data)

    def _info(self) -> JobInfo:
        job = self.header["job"]
        return JobInfo(**{**job, "tags": tuple(job.get("tags", ()))}, timeout_s=self.timeout_s)
