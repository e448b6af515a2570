"""The thread that holds all connections: one per process, with an event loop of its own."""

from __future__ import annotations

import asyncio
import atexit
import os
import selectors
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from nbqueue.errors import NotInJob

T = TypeVar("T")

#: how long the end of the process waits for connections to close
CLOSE_S = 2.0
#: and how long before tasks are cancelled once more
CANCEL_S = 0.1


class Place(Protocol):
    """Where coroutines are run for whoever hands them over, from any thread."""

    def call(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there; it is under way when this returns."""
        ...


class LoopPlace:
    """An event loop that runs already."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there; it is under way when this returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


class Portal:
    """A daemon thread with an event loop; coroutines are handed to it from any thread and any other loop."""

    def __init__(self, name: str = "nbqueue") -> None:
        self._selector = selectors.DefaultSelector()
        self.loop = asyncio.SelectorEventLoop(self._selector)
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        _living.add(self)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the portal's loop; it is under way when this returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def soon(self, act: Callable[..., object], *args: Any) -> None:
        """Call something on the portal's loop; nothing happens where the portal has ended."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(act, *args)

    def at_end(self, close: Callable[[], Awaitable[None]]) -> None:
        """Await `close()` when the portal ends."""
        self._closers.append(close)

    def is_own_thread(self) -> bool:
        """Whether the portal's own thread calls this."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """End the thread: what is under way is cancelled, connections are closed."""
        if self.loop.is_closed() or threading.current_thread() is self._thread:
            return
        asyncio.run_coroutine_threadsafe(self._wind_up(), self.loop)
        self._thread.join(CLOSE_S)

    def let_go(self) -> None:
        """In a forked copy: replace the sockets by nothing, so that no end of ours can disturb the original's."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for key in list(self._selector.get_map().values()):
            os.dup2(nothing, key.fd)
        os.close(nothing)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            _living.discard(self)
            self.loop.close()

    async def _wind_up(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await _cancel_all(asyncio.all_tasks() - {asyncio.current_task()})
                await asyncio.gather(*(close() for close in self._closers), return_exceptions=True)
        except TimeoutError:
            pass  # the process ends anyway, and the server notices closed sockets
        finally:
            self.loop.stop()


async def _cancel_all(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel until they have ended: asyncio.wait_for of Python 3.11 can swallow a cancel."""
    left = {task for task in tasks if task is not None}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_S)


_lock = threading.Lock()
_portal: Portal | None = None
_finishing = False
_ending = False
#: portals of the process we were forked from: kept, so that nothing of theirs is finalised while we run
_inherited: list[Portal] = []
#: portals whose thread runs: that of `portal()`, and others with work of their own
_living: set[Portal] = set()
#: what must be done before this process ends
_promised: set[Future[Any]] = set()
#: what the end of this process does while it waits for that
_errands: SimpleQueue[Callable[[], object]] = SimpleQueue()
#: held to put an errand there, and to look for the last time
_last_look = threading.Lock()


def portal() -> Portal:
    """The portal of this process, started on first use."""
    global _portal  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _portal is None:
            _portal = Portal()
        return _portal


def promise(future: Future[Any]) -> None:
    """Let the process end only once this is done: the last line of a script counts like any other."""
    _promised.add(future)
    Future.add_done_callback(future, _promised.discard)  # where it is made done, also if its own callbacks are not


def release(future: Future[Any]) -> None:
    """Let the process end without this being done."""
    _promised.discard(future)


def errand(act: Callable[[], object]) -> bool:
    """Let the end of this process call it: Python 3.12.0 and 3.12.1 start no thread while that waits.

    Whether it does: it has not waited yet and does no more.
    """
    with _last_look:
        if _finishing:
            _errands.put(act)
        return _finishing


def check_outside() -> None:
    """Refuse to wait in the portal's own thread: nobody would be left to do the work."""
    if _portal is not None and _portal.is_own_thread():
        raise NotInJob("This waits for nbqueue's own thread from within it: call it from another thread.")


def shutdown(promised_s: float = 0.0) -> None:
    """End the portal of this process; the next use starts another.

    Args:
        promised_s: how long to wait before for what was promised, such as submits that are under way.
    """
    global _portal
    if promised_s:
        wait(tuple(_promised), promised_s)
    with _lock:
        found, _portal = _portal, None
    if found is not None:
        found.close()


def _forget() -> None:
    """In a forked copy: the thread is not there, and the connections belong to the original."""
    global _last_look, _lock, _portal  # noqa: PLW0603
    _last_look, _lock = threading.Lock(), threading.Lock()
    for each in list(_living):
        each.let_go()
        _inherited.append(each)
    _living.clear()
    _promised.clear()
    _portal = None


def is_ending() -> bool:
    """Whether this process ends."""
    return _ending


def _keep_promises() -> None:
    """While threads and executors still work, which they do no longer when `atexit` has its turn."""
    global _finishing  # noqa: PLW0603
    _finishing = True
    promised = tuple(_promised)
    for future in promised:
        Future.add_done_callback(future, lambda _: errand(lambda: None))
    while _is_owed(promised):
        _errands.get()()


def _is_owed(promised: Iterable[Future[Any]]) -> bool:
    """Whether something is still to be waited for or to be called; where not, no errand is taken any more."""
    global _finishing  # noqa: PLW0603
    with _last_look:
        _finishing = not (all(future.done() for future in promised) and _errands.empty())
        return _finishing


def _end() -> None:
    global _ending  # noqa: PLW0603
    _ending = True
    shutdown()


atexit.register(_end)
# these are called in reverse order, and that of the executors must come after ours
_EXECUTORS_FIRST = ThreadPoolExecutor
getattr(threading, "_register_atexit", atexit.register)(_keep_promises)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
