"""A real IPython shell for tests, without a kernel and without a history file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@contextmanager
def running_shell() -> Iterator[Any]:
    """The shell of this process while the block runs."""
    config = Config()
    config.HistoryManager.enabled = False
    shell: Any = InteractiveShell.instance(config=config)
    try:
        yield shell
    finally:
        if "nbqueue" in shell.extension_manager.loaded:
            shell.run_line_magic("unload_ext", "nbqueue")
        shell.restore_sys_module_state()
        InteractiveShell.clear_instance()


def cell(shell: Any, line: str, code: str) -> Any:
    """What `%%job <line>` over this code gives."""
    return shell.run_cell_magic("job", line, code)
