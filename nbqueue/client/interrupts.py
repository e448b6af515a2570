"""Ctrl-C, and a notebook's stop button, while a thread is held up within an event loop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: handlers that end what blocks, or that somebody chose so that nothing does
_AS_THEY_ARE = (signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN, None)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let an interrupt end what blocks here.

    Kernels (in cells with an `await`) and `asyncio.run` turn an interrupt into a cancel of a task, of which a loop that
    is held up does not hear. Their handler is back in its place afterwards.
    """
    before = signal.getsignal(signal.SIGINT) if _holds_up_a_loop() else None
    if before in _AS_THEY_ARE:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _holds_up_a_loop() -> bool:
    """Whether this is the thread that hears signals, and has a loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return threading.current_thread() is threading.main_thread()
