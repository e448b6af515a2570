"""The joblib backend; importing this registers it.

import nbqueue.joblib
from joblib import parallel_config

with parallel_config(backend="nbqueue", queue="nightly"):
    search.fit(X, y)
"""

from nbqueue.interop.joblib_backend import JobsBackend, register

__all__ = ["JobsBackend"]

register()
