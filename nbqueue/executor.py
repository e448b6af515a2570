"""`Executor`: a `concurrent.futures.Executor` whose calls are jobs.

from nbqueue.executor import Executor

with Executor(queue="nightly") as executor:
    areas = list(executor.map(area, widths))
"""

from nbqueue.interop.executor import Executor
from nbqueue.interop.future import JobFuture, RemoteTraceback
from nbqueue.interop.initializing import InitializerFailed

__all__ = ["Executor", "InitializerFailed", "JobFuture", "RemoteTraceback"]
