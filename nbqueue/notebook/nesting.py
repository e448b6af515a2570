"""Nested event loops, for people whose own cells call `asyncio.run`: only when asked for, with nest-asyncio2."""

from __future__ import annotations

import asyncio
import sys

from nbqueue.errors import ConfigurationError

#: from this ipykernel on, the legacy package loses cells
_LOSES_FROM = 7
_CURE = (
    "nest_asyncio is applied here, and with ipykernel 7 and later it loses cells that are queued behind a nested wait, "
    "and clicks: take it out of the notebook, restart the kernel, and use %nbqueue nest instead where you need it."
)
#: whether it was said
_said: list[bool] = []


def allow_nested() -> None:
    """Let this process call `asyncio.run(...)` and `loop.run_until_complete(...)` while its event loop runs.

    For code of your own, or of a library, that does so in a cell; nothing of nbqueue needs it. It changes asyncio for
    the whole process, until it ends.

    Raises:
        ConfigurationError: the event loop is uvloop's, which cannot be nested, or the legacy nest_asyncio is applied.
    """
    loop = _running()
    if _is_of_uvloop(loop if loop is not None else asyncio.get_event_loop_policy()):
        raise ConfigurationError(
            "Event loops of uvloop cannot be nested: run this process with asyncio's own loop, or await instead of "
            "calling asyncio.run()."
        )
    if _is_legacy_applied():
        raise ConfigurationError(_CURE)
    import nest_asyncio2

    nest_asyncio2.apply(loop)


def warn_of_legacy(*_: object) -> None:
    """Say once where the legacy package is applied to a kernel that loses cells by it; looks, and patches nothing."""
    if not _said and _is_legacy_applied() and _kernel_version() >= _LOSES_FROM:
        _said.append(True)
        sys.stderr.write(f"nbqueue: {_CURE}\n")


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _is_of_uvloop(thing: object) -> bool:
    return type(thing).__module__.partition(".")[0] == "uvloop"


def _is_legacy_applied() -> bool:
    """Whether asyncio was patched by nest_asyncio; its successor leaves a mark of its own."""
    return hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")


def _kernel_version() -> int:
    """The major version of ipykernel, 0 where this is no kernel."""
    ipykernel = sys.modules.get("ipykernel")
    return int(ipykernel.version_info[0]) if ipykernel is not None else 0
