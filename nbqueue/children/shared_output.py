"""The output of jobs that run beside other code of their process: their prints are theirs, the rest goes on its way."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from typing import Any

from nbqueue.children.router import Router

#: streams whose routers are kept
KEPT = 64

_lock = threading.Lock()
_users = 0
#: `print` borrows the stream that it writes to: a router that were let go meanwhile would be gone under it
_routers: deque[SharedRouter] = deque(maxlen=KEPT)


class SharedRouter(Router):
    """A router that is, to code outside of jobs, the stream behind it."""

    def isatty(self) -> bool:
        """As the stream behind."""
        return self._behind.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


def begin() -> None:
    """A job begins: from the first one on, `sys.stdout` and `sys.stderr` tell jobs apart."""
    global _users  # noqa: PLW0603 - one pair of streams per process
    with _lock:
        _users += 1
        # somebody may have put other streams there since
        sys.stdout, sys.stderr = _routed(sys.stdout), _routed(sys.stderr)


def end() -> None:
    """A job ended: after the last one the streams are what they were, unless somebody replaced them meanwhile."""
    global _users  # noqa: PLW0603
    with _lock:
        _users -= 1
        if not _users:
            sys.stdout, sys.stderr = _plain(sys.stdout), _plain(sys.stderr)


def _put_back() -> None:
    """In a forked copy: the jobs are not there, and the lock may have been held by a thread that is not either."""
    global _lock, _users
    _lock, _users = threading.Lock(), 0
    sys.stdout, sys.stderr = _plain(sys.stdout), _plain(sys.stderr)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_put_back)


def _routed(stream: Any) -> Any:
    """The one router of a stream."""
    if stream is None or isinstance(stream, SharedRouter):
        return stream
    known = next((router for router in _routers if router.behind is stream), None)
    if known is None:
        known = SharedRouter(stream)
        _routers.append(known)
    return known


def _plain(stream: Any) -> Any:
    return stream.behind if isinstance(stream, SharedRouter) else stream
