"""The executors that tests compare: those of the standard library, and ours."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import (
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial

from nbqueue.executor import Executor as JobExecutor
from tests.waiting import SLACK

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.interop.works"])
Make = Callable[..., Executor]
KINDS: dict[str, Make] = {
    "threads": ThreadPoolExecutor,
    "processes": partial(ProcessPoolExecutor, mp_context=FORKSERVER),
    "jobs": JobExecutor,
}
PATIENCE_S = 20 * SLACK
