"""The session: which server and key the calls of this process go by."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from nbqueue.broker.named_key import key_path
from nbqueue.broker.signing import Keyring
from nbqueue.client import hooks
from nbqueue.client.draft import Naming, any_name
from nbqueue.client.inner import InnerLink
from nbqueue.client.link import Link
from nbqueue.client.naming import Repeatable
from nbqueue.client.pending import Pending
from nbqueue.client.portal import LoopPlace, Place, Portal, portal, promise
from nbqueue.errors import NotInJob
from nbqueue.model.errands import Line
from nbqueue.model.settings import LEAST_BLOB_BYTES, Settings, load_settings

T = TypeVar("T")


class Session:
    """One server and key. Connects when something is asked, and anew in a forked copy of the process."""

    def __init__(self, settings: Settings, *, only_looks: bool = False) -> None:
        """Args: one that `only_looks` makes no signing key where there is none."""
        self.settings = settings
        self._only_looks = only_looks
        self._keyring: Keyring | None = None
        self._link: Link | None = None
        self._portal: Place | None = None
        #: names the jobs that are submitted by this session
        self.naming: Naming = any_name

    @property
    def portal(self) -> Place:
        """Where its calls are under way."""
        return portal()

    @property
    def keyring(self) -> Keyring:
        """The signing keys, read on first use."""
        if self._keyring is None:
            if self._only_looks:
                self._keyring = Keyring.look(self.settings.signing_key_file.expanduser().absolute())
            else:
                self._keyring = Keyring.load(key_path(self.settings))
        return self._keyring

    def call(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """Put `act(link)` under way on the portal's loop."""
        keyring = self.keyring
        here = portal()

        async def under_way() -> T:
            return await act(self._linked(here, keyring))

        return here.call(under_way())

    def promise(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """Put `act(link)` under way, which ends by itself before long: the process ends after it."""
        future = self.call(act)
        promise(future)
        return future

    def begin(self, act: Callable[[Link], Coroutine[Any, Any, T]], *, what: str) -> Pending[T]:
        """The same as a Pending."""
        return Pending(self.promise(act), what=what)

    def now(self) -> datetime:
        """The server's time, as well as it is known without asking."""
        return datetime.now(UTC) if self._link is None else self._link.now()

    @property
    def shares(self) -> bool:
        """Whether large pieces of calls are sent apart, once for all jobs that have them."""
        return not self.settings.is_inline

    @property
    def has_asked(self) -> bool:
        """Whether the server was asked anything by it in this process."""
        return self._link is not None and self._portal is not None

    def is_here(self, used: Place | None) -> bool:
        """Whether what was begun on that portal is still going on (and not lost in a fork or a shutdown)."""
        return used is not None and used is self.portal

    def _linked(self, here: Portal, keyring: Keyring) -> Link:
        """The link of this portal; only the portal's own thread comes here."""
        if self._link is None or self._portal is not here:
            self._link, self._portal = Link(self.settings, keyring), here
            here.at_end(self._link.close)
        return self._link

    def __repr__(self) -> str:
        return f"<Session {self.settings.namespace or 'default namespace'}>"


class InnerSession(Session):
    """The session of one job: it goes by the job's line to its worker."""

    def __init__(self, line: Line) -> None:
        sharing_from = line.blob_bytes or LEAST_BLOB_BYTES
        super().__init__(Settings(limit_bytes=line.limit_bytes, blob_bytes=sharing_from, home=Path()))
        self._line = line
        self._pid = os.getpid()
        self._place: Place = LoopPlace(line.loop) if line.loop is not None else portal()
        self._inner: InnerLink | None = None
        self.naming = Repeatable(line.seed)

    @property
    def portal(self) -> Place:
        """Where its calls are under way."""
        return self._place

    @property
    def shares(self) -> bool:
        """Whether the worker takes large pieces of calls apart."""
        return self._line.blob_bytes > 0

    def call(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """Put `act(link)` under way."""
        return self._call(act)

    def promise(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """The same: a job ends only when what it asked for was answered, whatever becomes of its process."""
        return self._call(act)

    def at_rest(self, future: Future[Any]) -> Future[None]:
        """Done some time after `future`, when the job has a slot again, which it gave to others meanwhile."""
        return self._call(lambda link: link.at_rest(future))

    @property
    def rests(self) -> bool:
        """Whether the job waits for jobs, and has given its slot to others."""
        return self._inner is not None and self._inner.rests

    def settled(self) -> Future[None]:
        """Done when all that was submitted was answered for."""
        return self._call(lambda link: link.settled())

    def close(self) -> None:
        """The job has ended."""
        self._call(lambda link: link.close())

    def _call(self, act: Callable[[InnerLink], Coroutine[Any, Any, T]]) -> Future[T]:
        if self._pid != os.getpid():
            raise NotInJob(
                f"Job {self._line.job_id} speaks to its worker from its own process, and this one was forked from it: "
                "hand the results over, and submit there."
            )

        async def under_way() -> T:
            if self._inner is None:
                self._inner = InnerLink(self._line)
            return await act(self._inner)

        return self._place.call(under_way())

    def __repr__(self) -> str:
        return f"<Session of job {self._line.job_id}>"


_lock = threading.Lock()
_current: Session | None = None


def session() -> Session:
    """The session in force: in a job that of the job; else from the environment where none was configured."""
    line = hooks.line()
    return _outer() if line is None else _inner(line)


def _inner(line: Line) -> Session:
    with _lock:
        if line.session is None:
            line.session = InnerSession(line)
        found: Session = line.session
        return found


def _outer() -> Session:
    global _current  # noqa: PLW0603 - one in force per process
    with _lock:
        if _current is None:
            _current = Session(load_settings())
        return _current


def configure(settings: Settings | None = None, **given: Any) -> Settings:
    """From now on, use these settings; handles made before keep theirs.

    Args:
        settings: all of them; None: from the environment, as at the start.
        given: single fields of `Settings`, for example `url="redis://host:6379/0"`.
    """
    global _current  # noqa: PLW0603
    chosen = settings if settings is not None and not given else load_settings(**given)
    with _lock:
        _current = Session(chosen)
    return chosen


def exchange(other: Session | None) -> Session | None:
    """Put another session in force (None: the environment's, on next use), and give the one that was."""
    global _current
    with _lock:
        before, _current = _current, other
    return before


def _forget() -> None:
    """In a forked copy: the lock may have been held by a thread that is not there."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
