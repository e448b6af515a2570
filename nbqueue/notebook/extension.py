"""`%load_ext nbqueue`: names, the magics and the cards; connects to nothing and patches nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from nbqueue.client import hooks, portal
from nbqueue.notebook.face import ProcessFace

#: what is put into the notebook's namespace: names of the package, and the package itself
NAMES = ("submit", "submit_map")
PACKAGE = "nbqueue"
#: how long unloading waits for submits that are under way
PROMISED_S = 5.0
#: what shows dashboards, where one was shown
BOARD = "nbqueue.notebook.board.dashboard"
#: and live charts
LIVE = "nbqueue.notebook.live_charts.live"

_AFTER_CELL = "post_run_cell"


def load_ipython_extension(shell: Any) -> None:
    """Put the names, the magics and the cards where the notebook finds them; twice is once."""
    from nbqueue.notebook import cell_job, completion, interrupted, magics, nesting

    if hooks.face is None:
        hooks.use_face(ProcessFace())
    shell.register_magic_function(magics.nbqueue, "line", PACKAGE)
    shell.register_magic_function(cell_job.job, "cell", cell_job.NAME)
    completion.begin(shell)
    interrupted.watch.begin(shell)
    _look_for_legacy(shell, nesting.warn_of_legacy)
    skipped = []
    for name, value in _names().items():
        if shell.user_ns.get(name, value) is not value:
            skipped.append(name)
        else:
            shell.push({name: value})
    if skipped:
        sys.stdout.write(_told(skipped))


def unload_ipython_extension(shell: Any) -> None:
    """Take away what loading brought and nobody has changed since, and close all connections.

    Jobs go on. Whoever waits for one at this moment is told that the wait was cut off; a handle that is used later
    connects anew.
    """
    from nbqueue.notebook import cell_job, completion, interrupted, nesting

    shell.magics_manager.magics["line"].pop(PACKAGE, None)
    shell.magics_manager.magics["cell"].pop(cell_job.NAME, None)
    completion.end(shell)
    interrupted.watch.end(shell)
    _look_for_legacy(shell, nesting.warn_of_legacy, look=False)
    shell.drop_by_id(_names())
    if isinstance(hooks.face, ProcessFace):
        hooks.face.stop()
    for name in (LIVE, BOARD):
        if (shown := sys.modules.get(name)) is not None:
            shown.close_all()
    portal.shutdown(PROMISED_S)


def _look_for_legacy(shell: Any, warn: Callable[..., None], *, look: bool = True) -> None:
    """Look now and after each cell whether a package was applied that loses cells; or no more."""
    if warn in shell.events.callbacks[_AFTER_CELL]:
        shell.events.unregister(_AFTER_CELL, warn)
    if look:
        shell.events.register(_AFTER_CELL, warn)
        warn()


def _names() -> dict[str, Any]:
    package = sys.modules[PACKAGE]
    return {**{name: getattr(package, name) for name in NAMES}, PACKAGE: package}


def _told(skipped: list[str]) -> str:
    one = len(skipped) == 1
    return (
        f"nbqueue: {' and '.join(skipped)} {'is' if one else 'are'} your own here and {'was' if one else 'were'} left "
        f"as {'it is' if one else 'they are'}; import nbqueue to reach its own, for example nbqueue.submit.\n"
    )
