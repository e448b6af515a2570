"""The modules that a worker was given: what keeps one from being imported, in a sentence, and a trial of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from nbqueue.children import lineage

#: how long a trial may take
TRIAL_S = 120.0
#: folders below which no place of an error of the user's is
_OURS = (str(Path(__file__).parent), str(Path(importlib.__file__).parent))


def fault(module: str) -> str:
    """Import a module, the one of "module:Settings" included; what keeps it from that, empty where nothing does."""
    name = module.partition(":")[0]
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - code of the user's, which may raise anything
        text = " ".join(str(error).split())
        return f"The module {name} cannot be imported: {_place(error)}{type(error).__name__}: {text}"
    return ""


async def tried(modules: Sequence[str]) -> str:
    """What keeps modules from being imported, as a new process finds it; empty where nothing does."""
    ours, theirs = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nbqueue.worker.importing", str(theirs), *modules,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs,), process_group=0,
        )  # fmt: skip
    finally:
        os.close(theirs)
    try:
        async with asyncio.timeout(TRIAL_S):
            code = await process.wait()
    except TimeoutError:
        return f"The import of {', '.join(modules)} takes more than {TRIAL_S:.0f} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        os.set_blocking(ours, False)
        with open(ours, "rb", closefd=True) as pipe:  # noqa: PTH123, ASYNC230 - what is there, without waiting
            said = pipe.read() or b""
    if not said:
        return f"The import of {', '.join(modules)} ended its process (exit code {code})"
    return str(json.loads(said)["fault"])


def _place(error: BaseException) -> str:
    """The file and line that an error is about, as far as it is told."""
    if isinstance(error, SyntaxError):
        return ""  # its own text has both
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""


def _is_theirs(file: str) -> bool:
    return not file.startswith(("<", *_OURS))


def main() -> None:
    """Say through the pipe whose number comes first what keeps the modules that follow from being imported."""
    supervisor = os.getppid()
    pipe, *modules = sys.argv[1:]
    if not lineage.die_with(supervisor):
        return
    said = {"fault": next(filter(None, map(fault, modules)), "")}
    os.write(int(pipe), json.dumps(said).encode()[:60_000])
    os._exit(0)  # threads that the modules began are not waited for


if __name__ == "__main__":
    main()
