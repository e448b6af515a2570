"""The session: which server and key the calls of this process go by."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from nbqueue.broker.signing import Keyring
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.portal import Portal, portal
from nbqueue.model.settings import Settings, load_settings

T = TypeVar("T")


class Session:
    """One server and key. Connects when something is asked, and anew in a forked copy of the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._keyring: Keyring | None = None
        self._link: Link | None = None
        self._portal: Portal | None = None

    @property
    def keyring(self) -> Keyring:
        """The signing keys, read on first use."""
        if self._keyring is None:
            self._keyring = Keyring.load(self.settings.signing_key_file)
        return self._keyring

    def call(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """Put `act(link)` under way on the portal's loop."""
        keyring = self.keyring
        here = portal()

        async def under_way() -> T:
            return await act(self._linked(here, keyring))

        return here.call(under_way())

    def begin(self, act: Callable[[Link], Coroutine[Any, Any, T]], *, what: str) -> Pending[T]:
        """The same as a Pending."""
        return Pending(self.call(act), what=what)

    def is_here(self, used: Portal | None) -> bool:
        """Whether what was begun on that portal is still going on (and not lost in a fork or a shutdown)."""
        return used is not None and used is portal()

    def _linked(self, here: Portal, keyring: Keyring) -> Link:
        """The link of this portal; only the portal's own thread comes here."""
        if self._link is None or self._portal is not here:
            self._link, self._portal = Link(self.settings, keyring), here
            here.at_end(self._link.close)
        return self._link

    def __repr__(self) -> str:
        return f"<Session {self.settings.namespace or 'default namespace'}>"


_lock = threading.Lock()
_current: Session | None = None


def session() -> Session:
    """The session in force; from the environment where none was configured."""
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
