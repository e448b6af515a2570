"""The source lines of code that came by value, and the cells it was written in: what tracebacks show of it."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

#: file name -> line number -> line; at number 0 what the notebook calls the cell
Lines = dict[str, dict[int, str]]

#: the longest function whose source lines are sent
_LONGEST_SOURCE = 400
_FRAME = re.compile(r'File "([^"\n]+)"(?=, line \d)')


def source_lines(codes: list[CodeType]) -> Lines:
    """The source lines of functions by file name and line number, as far as they can be had."""
    found: Lines = {}
    for code in codes:
        name = code.co_filename
        lines = linecache.getlines(name)
        first = code.co_firstlineno
        last = min(max(_line_numbers(code), default=first), first + _LONGEST_SOURCE, len(lines))
        if 0 < first <= last:
            if name not in found:
                called = cell_called(name)
                found[name] = {0: called} if called else {}
            found[name].update({at: lines[at - 1] for at in range(first, last + 1)})
    return found


def learn_source_lines(found: Lines) -> None:
    """Let tracebacks show the lines of code that came by value and has no file here."""
    for name, lines in found.items():
        called = lines.get(0, "")
        if not called and os.path.exists(name):  # noqa: PTH110 - on the way of every job
            continue
        known = linecache.cache.get(name)
        texts = list(known[2]) if known is not None and len(known) > 1 else []
        texts += ["\n"] * (max(lines) - len(texts))
        for at, text in lines.items():
            if at:
                texts[at - 1] = text
        linecache.cache[name] = (sum(map(len, texts)), None, texts, called or name)


def cell_called(name: str) -> str:
    """What the notebook calls the cell with that file name, such as "Cell In[3]"; nothing for another file."""
    get_ipython: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython is not None else None
    asked = getattr(getattr(shell, "compile", None), "format_code_name", None)  # since IPython 8
    called = asked(name) if asked is not None else None
    return " ".join(called) if called else _learned(name)


def in_cells(text: str) -> str:
    """A traceback with cells as the notebook calls them, where it named the files they were compiled as."""
    return _FRAME.sub(lambda frame: _learned(frame[1]) or frame[0], text)


def _learned(name: str) -> str:
    """What the last who brought lines of that file called it: the place in linecache for where a file was found."""
    known = linecache.cache.get(name, ())
    return known[3] if len(known) > 1 and known[1] is None and known[3] != name else ""


def _line_numbers(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _line_numbers(constant)
