"""How models of MathOpt travel: all that belongs to one refers to its storage, which is sent once, as a proto."""

from __future__ import annotations

from typing import Any

from nbqueue.solvers import parameters


def reduce(thing: Any) -> Any:
    """What rebuilds a thing of `ortools.math_opt`; NotImplemented where it pickles by itself, or not at all."""
    if type(thing).__name__ == "CppElemental":
        return storage, (thing.export_model(remove_names=False).SerializeToString(deterministic=True),)
    return NotImplemented


def storage(data: bytes) -> Any:
    """The storage of a model, from its proto."""
    model_pb2 = parameters.load("ortools.math_opt.model_pb2", "solvers", "A model of MathOpt")
    elemental = parameters.load("ortools.math_opt.elemental.python.cpp_elemental", "solvers", "A model of MathOpt")
    return elemental.CppElemental.from_model_proto(model_pb2.ModelProto.FromString(data))
