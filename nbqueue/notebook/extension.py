"""`%load_ext nbqueue`: names, the magic and the cards; connects to nothing and patches nothing."""

from __future__ import annotations

import sys
from typing import Any

from nbqueue.client import hooks
from nbqueue.notebook.face import ProcessFace

#: what is put into the notebook's namespace: names of the package, and the package itself
NAMES = ("submit", "submit_map")
PACKAGE = "nbqueue"
#: what shows dashboards, where one was shown
BOARD = "nbqueue.notebook.board.dashboard"


def load_ipython_extension(shell: Any) -> None:
    """Put the names, the magic and the cards where the notebook finds them; twice is once."""
    from nbqueue.notebook import magics

    if hooks.face is None:
        hooks.use_face(ProcessFace())
    shell.register_magic_function(magics.nbqueue, "line", PACKAGE)
    skipped = []
    for name, value in _names().items():
        if shell.user_ns.get(name, value) is not value:
            skipped.append(name)
        else:
            shell.push({name: value})
    if skipped:
        sys.stdout.write(_told(skipped))


def unload_ipython_extension(shell: Any) -> None:
    """Take away what loading brought and nobody has changed since."""
    shell.magics_manager.magics["line"].pop(PACKAGE, None)
    shell.drop_by_id(_names())
    if isinstance(hooks.face, ProcessFace):
        hooks.face.stop()
    if (board := sys.modules.get(BOARD)) is not None:
        board.close_all()


def _names() -> dict[str, Any]:
    package = sys.modules[PACKAGE]
    return {**{name: getattr(package, name) for name in NAMES}, PACKAGE: package}


def _told(skipped: list[str]) -> str:
    one = len(skipped) == 1
    return (
        f"nbqueue: {' and '.join(skipped)} {'is' if one else 'are'} your own here and {'was' if one else 'were'} left "
        f"as {'it is' if one else 'they are'}; import nbqueue to reach its own, for example nbqueue.submit.\n"
    )
