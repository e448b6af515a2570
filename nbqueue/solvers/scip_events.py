"""What SCIP tells while it searches: each better solution, and the bound after each node."""

from __future__ import annotations

import threading
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from nbqueue.solvers import scip_model
from nbqueue.solvers.search import Search

#: what listens to a model stays with it for good, so that all its searches share one; it holds the model
_handlers: WeakKeyDictionary[Any, ReferenceType[Any]] = WeakKeyDictionary()


class Watch:
    """Passes on what SCIP tells, and stops it when that is asked."""

    def __init__(self, search: Search, model: Any, stop: threading.Event) -> None:
        """Args: who is told; the model before it is solved; says whether to stop."""
        self._search: Search | None = search
        self._stop = stop
        self._variables = scip_model.variables(model)
        self._has_solution = False

    @property
    def is_on(self) -> bool:
        """Whether its search is under way."""
        return self._search is not None

    def end(self) -> None:
        """The search has ended."""
        self._search = None

    def told(self, model: Any, *, is_better: bool) -> None:
        """Something has happened: a better solution was found, or a node was solved."""
        if self._search is None:
            return
        if self._stop.is_set():
            model.interruptSolve()
        bound = scip_model.bound(model)
        # of the solution that it was given to start from, nothing is said
        if is_better or (not self._has_solution and model.getNSols()):
            self._has_solution = True
            best = model.getBestSol()
            self._search.found(
                model.getSolObjVal(best), bound, [model.getSolVal(best, each) for each in self._variables]
            )
        else:
            self._search.bounded(bound)


def listen(library: Any, model: Any, watch: Watch) -> None:
    """Have SCIP call `watch` while it solves the model."""
    handler = _handlers[model]() if model in _handlers else None
    if handler is None:
        handler = _included(library, model)
        _handlers[model] = ref(handler)
    handler.watch = watch


def _included(library: Any, model: Any) -> Any:
    """What SCIP calls, as a plugin of the model."""
    of = library.SCIP_EVENTTYPE
    kinds = [of.BESTSOLFOUND, of.NODESOLVED]
    if hasattr(of, "DUALBOUNDIMPROVED"):  # since SCIP 10
        kinds.append(of.DUALBOUNDIMPROVED)

    class Handler(library.Eventhdlr):  # type: ignore[misc]  # SCIP is imported when it is used
        watch: Watch

        def eventinit(self) -> None:
            for kind in kinds if self.watch.is_on else ():
                self.model.catchEvent(kind, self)

        def eventexit(self) -> None:
            for kind in kinds if self.watch.is_on else ():
                self.model.dropEvent(kind, self)

        def eventexec(self, event: Any) -> None:
            self.watch.told(self.model, is_better=event.getType() == of.BESTSOLFOUND)

    found = Handler()
    model.includeEventhdlr(found, "nbqueue", "tells how the search gets on")
    return found
