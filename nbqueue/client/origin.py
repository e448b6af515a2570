"""Who submits, from where: the user, the folder, and the notebook where the front end tells its name."""

from __future__ import annotations

import getpass
import os
import sys
from functools import cache
from pathlib import Path

from nbqueue.broker.jobs import Origin


def origin() -> Origin:
    """The origin of what is submitted here and now."""
    return Origin(user=_user(), folder=_folder(), notebook=_notebook())


def in_words(found: Origin) -> str:
    """What an origin stands for, to be read after "jobs of"."""
    if found.notebook:
        return f"the notebook {Path(found.notebook).name}"
    return f"{found.user} in {found.folder} (the front end does not tell the notebook's name)"


def _notebook() -> str:
    """The notebook's path: Jupyter says it in the environment, VS Code in the notebook's own namespace."""
    told = os.environ.get("JPY_SESSION_NAME") or getattr(sys.modules.get("__main__"), "__vsc_ipynb_file__", "")
    return told if isinstance(told, str) else ""


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""  # it was removed under us


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""
