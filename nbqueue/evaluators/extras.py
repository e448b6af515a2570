"""Libraries that come with extras of nbqueue: loaded where they are used; where one is missing, how to get it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nbqueue.errors import ConfigurationError


def load(module: str, extra: str, what: str) -> Any:
    """A module; raises ConfigurationError, with the command that installs it, where it is not there.

    Args:
        module: its name.
        extra: the extra of nbqueue that brings it.
        what: what needs it, for example "optimize".
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if (error.name or library).partition(".")[0] != library:  # it is there, and lacks something itself
            raise
        raise ConfigurationError(f"{what} needs {library}: pip install 'nbqueue[{extra}]'.") from error
