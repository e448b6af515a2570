"""How models of PySCIPOpt travel: in SCIP's own format, with the parameters that are not as they are by default.

Variables do not: they do not know their model. In a job they are in `model.getVars()`, in the same order.
"""

from __future__ import annotations

from typing import Any

from nbqueue.solvers import parameters, scip_model

_WHAT = "A model of SCIP"


def reduce(thing: Any) -> Any:
    """What rebuilds a thing of `pyscipopt`; NotImplemented where it pickles by itself, or not at all."""
    if not any(base.__name__ == "Model" for base in type(thing).__mro__):
        return NotImplemented
    return model_from, (scip_model.cip(thing), scip_model.changed_parameters(thing))


def model_from(cip: bytes, changed: dict[str, Any]) -> Any:
    """A Model with this problem and these parameters."""
    library = parameters.load("pyscipopt", "scip", _WHAT)
    model = scip_model.read(library, cip, _WHAT)
    model.setParams(changed)
    return model
