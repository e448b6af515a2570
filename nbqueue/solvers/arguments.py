"""What a `solve` takes: judged when a job of it is submitted, and the same again when it is called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.foresight import Given
from nbqueue.solvers import hints
from nbqueue.solvers.limits import Limits, check_limit
from nbqueue.solvers.model_files import is_file_like, is_path
from nbqueue.solvers.parameters import check_count, check_flag, check_params, wrong_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments of one `solve`."""

    #: its name, for errors and labels
    solver: str
    #: the module that has to be loaded for a model to be there, and the classes of models, by packages and names
    library: str
    models: tuple[tuple[str, str], ...]
    #: what it wants for a model, in words
    wanted: str
    #: whether a model may be a file's path, text or bytes
    takes_files: bool = False
    #: what a model is called; "" where it has no name
    title: Callable[[Any], str]
    #: judges what is this solver's own, without its library
    own: Callable[[Given], object] = lambda _: None
    #: judges, with the library, what that takes: parameters, hints
    tried: Callable[[Any, Given], object]

    def check(self, given: Given) -> None:
        """Raise InvalidModel or ConfigurationError for what can be told without the solver's library."""
        if "model" in given and not self._is_model(given["model"]):
            raise wrong_model(self.solver, given["model"], self.wanted)
        Limits.of(given)
        check_limit("deterministic_limit", given.get("deterministic_limit"), "a number above 0")
        check_count("threads", given.get("threads"))
        _check_seed(given.get("seed"))
        check_params(given.get("params"))
        check_flag("log", given.get("log", False))
        hints.check(given.get("hint"))
        self.own(given)

    def foresee(self, given: Given) -> None:
        """The same, and what the library itself says of it, where that is loaded here already."""
        self.check(given)
        library = sys.modules.get(self.library)
        if library is not None and any(given.get(name) is not None for name in ("params", "seed", "hint")):
            self.tried(library, given)

    def label(self, given: Given) -> str:
        """The solver and what its model is called."""
        model = given.get("model")
        if is_path(model):
            title = PurePath(model).name
        else:
            title = "" if is_file_like(model) or not self._is_model(model) else self.title(model)
        return f"{self.solver} {title}".strip()

    def _is_model(self, model: Any) -> bool:
        if is_file_like(model):
            return self.takes_files
        # by name, so that nothing need be loaded; a class of the user's own may be above it
        return any(
            base.__name__ == name and (base.__module__ == package or base.__module__.startswith(f"{package}."))
            for base in type(model).__mro__
            for package, name in self.models
        )


def _check_seed(seed: object) -> None:
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
        raise ConfigurationError(f"seed={seed!r} cannot be used: give a whole number, or None.")
