"""A notebook before it runs: read, checked, and given its parameters."""

from __future__ import annotations

import ast
import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import extras
from nbqueue.model.names import shown

_TAG = "parameters"
_PYTHON = "python"
_PLAIN = (str, bool, int, float)


def read(given: Any) -> Any:
    """The notebook of a file or a node, as a copy in the newest format 4.

    Raises:
        ConfigurationError: there is no such file, or it is no notebook.
    """
    nbformat = extras.load("nbformat", "notebooks", "run_notebook")
    if isinstance(given, nbformat.NotebookNode):
        node = copy.deepcopy(given)
    elif isinstance(given, str | os.PathLike):
        node = _of_file(nbformat, Path(given).expanduser())
    else:
        raise no_notebook(given)
    node = nbformat.v4.upgrade(node)
    node.metadata.setdefault("papermill", nbformat.NotebookNode())
    for cell in node.cells:
        cell.metadata.setdefault("tags", [])
    return node


def no_notebook(given: Any) -> ConfigurationError:
    """The error for something that is neither a path nor a notebook."""
    return ConfigurationError(f"notebook={shown(given)} cannot be run: give the path of a file, or a notebook node.")


def kernel_of(node: Any, wanted: str | None) -> str:
    """The name of the kernel that is to run it.

    Raises:
        ConfigurationError: there is none of that name here.
    """
    extras.load("nbclient", "notebooks", "run_notebook")
    from jupyter_client.kernelspec import KernelSpecManager

    name = wanted or node.metadata.get("kernelspec", {}).get("name") or "python3"
    known = KernelSpecManager().find_kernel_specs()
    if name in known:
        return str(name)
    there = ", ".join(sorted(known)) or "none; pip install ipykernel brings one"
    raise ConfigurationError(f'There is no kernel "{name}" where the notebook is to run. There are: {there}.')


def parameterized(node: Any, parameters: Mapping[str, Any], kernel: str) -> Any:
    """The notebook with a cell that sets its parameters, after the one that is tagged so.

    Raises:
        ConfigurationError: it has no such cell, or not these parameters, or a value cannot be written in code.
    """
    if not parameters:
        return node
    extras.load("papermill", "notebooks", "run_notebook")
    from papermill.parameterize import parameterize_notebook

    values = check_parameters(node, parameters)
    return parameterize_notebook(node, values, kernel_name=kernel, language=_language(node))


def check_parameters(node: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as code can say them.

    Raises:
        ConfigurationError: the notebook does not take them, or a value cannot be written in code.
    """
    if not parameters:
        return {}
    cell = next((each for each in node.cells if _TAG in each.metadata.tags), None)
    if cell is None:
        raise ConfigurationError(
            f'The notebook has no cell that is tagged "{_TAG}", so it takes none: tag the one that sets defaults.'
        )
    if _language(node) == _PYTHON:
        _check_names(parameters, _assigned(cell.source))
    return {name: _plain(name, value) for name, value in parameters.items()}


def _of_file(nbformat: Any, path: Path) -> Any:
    if not path.is_file():
        raise ConfigurationError(f"There is no notebook {path} where it is to run (the folder there is {Path.cwd()}).")
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        raise ConfigurationError(f"{path} is no notebook: {' '.join(str(error).split())[:200]}") from error


def _language(node: Any) -> str:
    found = node.metadata.get("kernelspec", {}).get("language") or node.metadata.get("language_info", {}).get("name")
    return str(found or _PYTHON)


def _assigned(source: str) -> set[str] | None:
    """The names that the code of a cell sets; None where it is more than plain Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _check_names(parameters: Mapping[str, Any], known: set[str] | None) -> None:
    unknown = [name for name in parameters if known is not None and name not in known]
    if unknown:
        raise ConfigurationError(
            f"The notebook has no parameter {shown(unknown[0])}: its cell sets {', '.join(sorted(known or ()))}."
        )


def _plain(name: str, value: Any) -> Any:
    """A value as code can say it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(name, each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(name, each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if value is not None and not isinstance(value, _PLAIN) and getattr(value, "shape", None) == ():
        value = value.item()
    if value is None or isinstance(value, _PLAIN):
        return value
    raise ConfigurationError(
        f"The parameter {shown(name)} holds {shown(value)}, which cannot be written into a notebook: give numbers, "
        "texts, lists and dicts of these."
    )
