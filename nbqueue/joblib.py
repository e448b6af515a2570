"""The joblib backend; importing this registers it.

import nbqueue.joblib
from joblib import parallel_config

with parallel_config(backend="nbqueue", queue="nightly"):
    search.fit(X, y)
"""

from nbqueue.errors import ConfigurationError

try:
    from nbqueue.interop.joblib_backend import JobsBackend, register
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "joblib":
        raise
    raise ConfigurationError("nbqueue.joblib needs joblib: pip install 'nbqueue[evaluation]'.") from error

__all__ = ["JobsBackend"]

register()
