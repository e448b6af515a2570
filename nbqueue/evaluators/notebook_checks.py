"""What can be said of a call of `run_notebook` before it runs: also by whoever submits it as a job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import notebook_source
from nbqueue.model import durations
from nbqueue.model.durations import Duration
from nbqueue.model.names import shown

#: read notebooks, and know the kernels
_LIBRARIES = ("nbformat", "jupyter_client", "nbclient")


def check_arguments(given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for arguments that cannot be used anywhere."""
    notebook, parameters = given.get("notebook", ""), given.get("parameters")
    if not isinstance(notebook, str | os.PathLike) and not _is_node(notebook):
        raise notebook_source.no_notebook(notebook)
    if parameters is not None and not (
        isinstance(parameters, Mapping) and all(isinstance(name, str) for name in parameters)
    ):
        raise ConfigurationError(
            f'parameters={shown(parameters)} cannot be used: give a dict of values by name, such as {{"alpha": 0.1}}.'
        )
    cell_limit_s(given.get("cell_timeout"))
    for name in ("output", "folder"):
        if not isinstance(given.get(name), str | os.PathLike | None):
            raise ConfigurationError(f"{name}={shown(given[name])} cannot be used: give a path.")
    kernel = given.get("kernel")
    if kernel is not None and not isinstance(kernel, str):
        raise ConfigurationError(f"kernel={shown(kernel)} cannot be used: give the name of a kernel.")


def cell_limit_s(cell_timeout: Duration | None) -> float | None:
    """Seconds for one cell; raises ConfigurationError for a time limit that cannot be used."""
    return None if cell_timeout is None else durations.seconds(cell_timeout, "cell_timeout", least=0.001)


def _is_node(notebook: object) -> bool:
    """Whether it is a notebook node of nbformat's, which need not be loaded to tell."""
    is_node = any(
        each.__name__ == "NotebookNode" and each.__module__.startswith("nbformat.") for each in type(notebook).__mro__
    )
    return is_node and isinstance(notebook, Mapping) and "cells" in notebook


def label(given: Mapping[str, Any]) -> str:
    """What a job of the call is called: by the notebook's file."""
    notebook = given.get("notebook")
    return f"run_notebook {Path(notebook).name}" if isinstance(notebook, str | os.PathLike) else ""


def check_here(given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a notebook, its parameters, a kernel or a folder that are not on this machine.

    Where the libraries are missing that tell so, nothing is said.
    """
    if "notebook" not in given or any(find_spec(name) is None for name in _LIBRARIES):
        return
    node = notebook_source.read(given["notebook"])
    notebook_source.kernel_of(node, given.get("kernel"))
    notebook_source.check_parameters(node, given.get("parameters") or {})
    folder_of(given.get("folder"), given["notebook"])
    target_of(given.get("output"))


def folder_of(given: str | os.PathLike[str] | None, notebook: object) -> Path:
    """Where the kernel is to run; raises ConfigurationError where that is no folder."""
    own = Path(notebook).expanduser().parent if isinstance(notebook, str | os.PathLike) else Path.cwd()
    place = own if given is None else Path(given).expanduser()
    if not place.is_dir():
        raise ConfigurationError(f"There is no folder {place} where the notebook is to run.")
    return place.resolve()


def target_of(output: str | os.PathLike[str] | None) -> Path | None:
    """The file to write, if there is to be one; raises ConfigurationError where that cannot be."""
    if output is None:
        return None
    target = Path(output).expanduser()
    if not target.parent.is_dir():
        raise ConfigurationError(f"output={str(output)!r} cannot be written: there is no folder {target.parent}.")
    if target.is_dir():
        raise ConfigurationError(f"output={str(output)!r} cannot be written: it is a folder. Give the path of a file.")
    return target


def strange(name: str) -> str:
    """What was meant by an argument that `run_notebook` does not take."""
    return f"Parameters of the notebook are given as parameters={{{name!r}: ...}}."
