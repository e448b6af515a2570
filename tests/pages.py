"""The code blocks of a page, and the running of its cells in a shell as a notebook has it.

A block that begins with three backticks and ``python`` is a cell: the cells of a page run in order in one shell.
``python script`` is a script: it runs alone. Run as a program, this file runs the cells of the page it is given.
"""

import faulthandler
import re
import sys
from pathlib import Path

STANDS_STILL_S = 60
BLOCK = re.compile(r"^```python([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def cells(page: Path) -> list[str]:
    """The blocks that are cells of one notebook."""
    return [code for mark, code in _blocks(page) if mark == ""]


def scripts(page: Path) -> list[str]:
    """The blocks that are scripts."""
    return [code for mark, code in _blocks(page) if mark == "script"]


def unknown_marks(page: Path) -> list[str]:
    """Marks behind ``python`` that mean nothing, so that no block is left out by a slip."""
    return [mark for mark, _ in _blocks(page) if mark not in {"", "script"}]


def differences_inline() -> list[str]:
    """What the reference lists as different without a server, by the words in its first column."""
    text = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
    table = text.partition("| difference |")[2].partition("\n\n")[0]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


def run_cells(page: Path) -> None:
    """Run the cells of a page; the first one that fails ends it. Of one that stands still, what it does is printed."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    for cell in cells(page):
        sys.stdout.write(f"running the cell:\n{cell}")
        sys.stdout.flush()
        faulthandler.dump_traceback_later(STANDS_STILL_S)
        shell.run_cell(cell).raise_error()
    faulthandler.cancel_dump_traceback_later()


def _blocks(page: Path) -> list[tuple[str, str]]:
    return [(mark.strip(), code) for mark, code in BLOCK.findall(page.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    run_cells(Path(sys.argv[1]))
