"""Unmodified tqdm loops drive the progress of the job they run in; costs nothing where tqdm is not imported."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import io
import sys
import weakref
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from nbqueue.inside.context import JobContext, current

_TQDM = "tqdm.std"
_NOTEBOOK = "tqdm.notebook"


def hook(*, notebook: bool = True) -> None:
    """Adapt tqdm in this process, now or when it is imported.

    Without `notebook` its bars for notebooks stay as they are: others than jobs use them here.
    """
    names = (_TQDM, _NOTEBOOK) if notebook else (_TQDM,)
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            _ADAPTERS[name](module)
        if not any(isinstance(finder, _Finder) and finder.name == name for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder(name))


class _Nowhere(io.TextIOBase):
    """Takes tqdm's own drawing; says it is a terminal, so that bars which draw only there draw."""

    def write(self, text: str) -> int:
        return len(text)

    def isatty(self) -> bool:
        return True


class _Finder(importlib.abc.MetaPathFinder):
    """Finds a module of tqdm where it is, and adapts it after its import."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, fullname)
        return spec


class _Loader(importlib.abc.Loader):
    """A module's own loader, and the adapting after it."""

    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _ADAPTERS[self._name](module)


def _adapt_std(module: ModuleType) -> None:
    """Have `tqdm` report instead of drawing; its counting and its speed stay its own."""
    bar = module.tqdm
    if getattr(bar, "drives_job", False):
        return
    bar.drives_job = True
    bar.monitor_interval = 0  # no thread that stays behind
    begin, display, close = bar.__init__, bar.display, bar.close

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        job = current()
        self.job = job
        if job is not None and len(args) <= _FILE_POSITION and kwargs.get("file") in _streams():
            kwargs["file"] = _Nowhere()
            kwargs.setdefault("miniters", 1)
        begin(self, *args, **kwargs)

    def show(self: Any, *args: Any, **kwargs: Any) -> Any:
        job = getattr(self, "job", None)
        if job is None:
            return display(self, *args, **kwargs)
        # closing one draws it a last time, when it is over already
        if not getattr(self, "is_over", False):
            _report(job, self)
        return True

    def end(self: Any) -> None:
        job = getattr(self, "job", None)
        if job is not None and not self.disable:
            _report(job, self)
            _let_go(job, self)
            self.is_over = True
        close(self)

    bar.__init__, bar.display, bar.close = init, show, end


def _adapt_notebook(module: ModuleType) -> None:
    """A job has no notebook to draw into: the plain bar takes the place of the widget."""
    std: Any = sys.modules[_TQDM]
    targets: Any = module
    targets.tqdm_notebook = targets.tqdm = std.tqdm
    targets.tnrange = targets.trange = std.trange


_ADAPTERS = {_TQDM: _adapt_std, _NOTEBOOK: _adapt_notebook}
#: the place of tqdm's `file` among its positional arguments
_FILE_POSITION = 4


def _streams() -> tuple[Any, ...]:
    return (None, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)


def _report(job: JobContext, bar: Any) -> None:
    """Report the outermost bar as that of the job, and those inside it as bars of parts of it."""
    driver = job.bar() if job.bar is not None else None
    if driver is None:
        job.bar = weakref.ref(bar)
    elif driver is not bar:
        job.reports.bar(_name(bar), bar.n, bar.total)
        return
    postfix = getattr(bar, "postfix", None) or ""
    message = " ".join(part for part in ((bar.desc or "").strip().removesuffix(":"), str(postfix)) if part)
    job.reports.progress(bar.n, bar.total, message or None)


def _let_go(job: JobContext, bar: Any) -> None:
    if job.bar is not None and job.bar() is bar:
        job.bar = None
    else:
        job.reports.end_bar(_name(bar))


def _name(bar: Any) -> str:
    """What a bar within another one is called."""
    return (bar.desc or "").strip().removesuffix(":") or f"loop {abs(bar.pos) + 1}"
