"""What travels, as bytes: a call with its arguments, and the value it gives back.

A call's payload is the pickled arguments, the pickled function, its source lines, and a trailer with the lengths of
the latter two. With a function length of 0 the first part holds function and arguments in one pickle.
"""

from __future__ import annotations

import io
import pickle
import platform
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import metadata
from types import CodeType
from typing import Any

import cloudpickle

from nbqueue.broker import code_lines, plain_pickle, travel, unsendable
from nbqueue.broker.inputs import Input, Inputs, given
from nbqueue.broker.pieces import Cuts, Piece, with_table
from nbqueue.errors import NotSendable, SolverUnavailable, WrongPython
from nbqueue.model.output import StandIn

_TRAILER = struct.Struct(">QI")
_LEAVES = frozenset({str, bytes, int, float, bool, type(None)})
_CONTAINERS = frozenset({tuple, list, dict})
#: values of more items than this are not looked through, but given to cloudpickle, which takes 30 us more
_LOOKED_THROUGH = 100

#: what a call is made of
Call = tuple[Any, tuple[Any, ...], dict[str, Any]]


def dump_call(
    fn: Callable[..., Any] | str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    takes: list[StandIn] | None = None,
    cuts: Cuts | None = None,
) -> bytes:
    """A call as bytes: a function (or the name of a registered one) and its arguments.

    Where `takes` is given, a handle of a job anywhere in it stands for the job's result, and is added to that list.
    Where `cuts` is given, large pieces are put aside there.

    Raises NotSendable, naming the argument or global at fault.
    """
    arguments = (tuple(args), dict(kwargs))
    if isinstance(fn, str) or is_plain(arguments):
        return _joined(fn, args, kwargs, takes, cuts)
    file = io.BytesIO() if cuts is None else cuts
    try:
        codes = _dump((fn, *arguments), file, takes)
    except Exception as error:  # noqa: BLE001 - pickling runs code of others, which may raise anything
        raise unsendable.call_error(fn, *arguments, error) from None
    file.write(_function_tail(0, codes))
    return with_table(file.getvalue(), cuts.pieces if cuts else ())


def dump_function(fn: Callable[..., Any] | str, takes: list[StandIn] | None = None, cuts: Cuts | None = None) -> bytes:
    """A function (or the name of a registered one) as bytes, to be joined with arguments by `join_call`.

    `takes` and `cuts` are as in `dump_call`.
    """
    if isinstance(fn, str):
        name = pickle.dumps(fn, travel.PROTOCOL)
        return name + _TRAILER.pack(len(name), 0)
    file = io.BytesIO() if cuts is None else cuts
    try:
        codes = _dump(fn, file, takes)
    except Exception as error:  # noqa: BLE001 - pickling runs code of others
        raise unsendable.call_error(fn, (), {}, error) from None
    file.write(_function_tail(file.tell(), codes))
    return file.getvalue()


def dump_arguments(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    fn: Callable[..., Any] | str = "",
    takes: list[StandIn] | None = None,
    cuts: Cuts | None = None,
) -> bytes:
    """Arguments as bytes. `fn` is used for the names of its parameters in errors, the rest is as in `dump_call`."""
    arguments = (tuple(args), dict(kwargs))
    if (not kwargs and _LEAVES.issuperset(map(type, args))) or is_plain(arguments):
        data = pickle.dumps(arguments, travel.PROTOCOL)
        return data if cuts is None else cuts.cut(data, lambda file: pickle.dump(arguments, file, travel.PROTOCOL))
    return _dumped(arguments, lambda error: unsendable.call_error(fn, *arguments, error), takes, cuts)


def join_call(function: bytes, arguments: bytes, pieces: Sequence[Piece] = ()) -> bytes:
    """The payload of a call, of what `dump_function` and `dump_arguments` gave; `pieces` were cut out of both."""
    return with_table(arguments + function, pieces)


def load_call(payload: bytes | memoryview, *, plain: bool = False, inputs: Mapping[str, Input] | None = None) -> Call:
    """Function (or name), positional and keyword arguments of a verified payload.

    Args:
        payload: what `dump_call` made.
        plain: load a name and plain data only, so that no code runs whoever wrote it.
        inputs: the verified results of other jobs that it takes, by their ids.

    Raises NotSendable, naming the module or class that is missing here, or is not plain data.
    """
    if not inputs:
        return _call_of(memoryview(payload), plain=plain)
    with given(Inputs(inputs, load_plain_value if plain else load_value)):
        return _call_of(memoryview(payload), plain=plain)


def load_arguments(payload: bytes | memoryview) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments alone of a verified payload; a function that is apart is not loaded."""
    _, args, kwargs = _call_of(memoryview(payload), plain=False, whole=False)
    return args, kwargs


def _call_of(view: memoryview, *, plain: bool, whole: bool = True) -> Call:
    if len(view) < _TRAILER.size:
        raise NotSendable("The call cannot be rebuilt: its payload is not one that `dump_call` made.")
    function_bytes, lines_bytes = _TRAILER.unpack_from(view, len(view) - _TRAILER.size)
    lines_at = len(view) - _TRAILER.size - lines_bytes
    function_at = lines_at - function_bytes
    if function_at < 0:
        raise NotSendable("The call cannot be rebuilt: its payload is not one that `dump_call` made.")
    if lines_bytes and not plain:
        _learn(bytes(view[lines_at : -_TRAILER.size]))
    if function_bytes:
        fn = _loaded(view[function_at:lines_at], "call", plain=plain) if whole else None
        args, kwargs = _loaded(view[:function_at], "call", plain=plain)
    else:
        fn, args, kwargs = _loaded(view[:lines_at], "call", plain=plain)
    return fn, args, kwargs


def dump_value(value: Any) -> bytes:
    """A result as bytes. Raises NotSendable, naming the part at fault."""
    if is_plain(value):
        return pickle.dumps(value, travel.PROTOCOL)
    return _dumped(value, lambda error: unsendable.value_error(value, error))


def load_value(data: bytes | memoryview) -> Any:
    """The value of verified bytes. Raises NotSendable, naming the module or class that is missing here."""
    return _loaded(memoryview(data), "value")


def dump_plain_value(value: Any) -> bytes:
    """As `dump_value`, of what `load_plain_value` takes."""
    data = dump_value(value)
    load_plain_value(data)
    return data


def load_plain_value(data: bytes | memoryview) -> Any:
    """As `load_value`, of plain data only: no code runs whoever wrote it."""
    return _loaded(memoryview(data), "value", plain=True)


def is_plain(value: Any) -> bool:
    """Whether a value is small and made only of str, bytes, numbers, None, tuples, lists and dicts."""
    waiting, left = [value], _LOOKED_THROUGH
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind in _LEAVES:
            continue
        if kind not in _CONTAINERS or (left := left - 1 - len(item)) < 0:
            return False
        if kind is dict:
            waiting.extend(item)
            waiting.extend(item.values())
        else:
            waiting.extend(item)
    return True


@cache
def header_versions() -> Mapping[str, str]:
    """What a header says of its writer: Python, cloudpickle and nbqueue versions."""
    return {"py": _python(), "cp": cloudpickle.__version__, "v": _own_version()}


def check_versions(header: Mapping[str, Any]) -> None:
    """Raise WrongPython for a pickle that another Python minor version wrote; loading it could crash the process."""
    if header.get("codec", "pickle") != "pickle":
        return
    theirs, ours = (header.get("py"), header.get("cp")), (_python(), cloudpickle.__version__)
    if theirs[0] != ours[0] or str(theirs[1]).partition(".")[0] != ours[1].partition(".")[0]:
        raise WrongPython(
            f"This was written by Python {theirs[0]} with cloudpickle {theirs[1]}, and here is Python {ours[0]} with "
            f"cloudpickle {ours[1]}: use the same Python minor version in the notebook and on the workers."
        )


def _joined(
    fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any], takes: list[StandIn] | None,
    cuts: Cuts | None,
) -> bytes:  # fmt: skip
    """A call of which function and arguments are pickled apart."""
    if cuts is None:
        return join_call(dump_function(fn, takes), dump_arguments(args, kwargs, fn, takes))
    of_function, of_arguments = cuts.another(), cuts.another()
    function = dump_function(fn, takes, of_function)
    arguments = dump_arguments(args, kwargs, fn, takes, of_arguments)
    return join_call(function, arguments, of_arguments.before(of_function))


def _dump(value: Any, file: io.BytesIO | Cuts, takes: list[StandIn] | None = None) -> list[CodeType]:
    """Write the pickle, and give the code of the functions in it."""
    pickler = travel.TravelPickler(file) if takes is None else travel.CallPickler(file, takes)
    pickler.dump(value)
    return pickler.codes


def _dumped(
    value: Any, explained: Callable[[Exception], NotSendable], takes: list[StandIn] | None = None,
    cuts: Cuts | None = None,
) -> bytes:  # fmt: skip
    file = io.BytesIO() if cuts is None else cuts
    try:
        _dump(value, file, takes)
    except Exception as error:  # noqa: BLE001 - pickling runs code of others
        raise explained(error) from None
    return file.getvalue()


def _function_tail(function_bytes: int, codes: list[CodeType]) -> bytes:
    found = code_lines.source_lines(codes) if codes else {}
    lines = pickle.dumps(found, travel.PROTOCOL) if found else b""
    return lines + _TRAILER.pack(function_bytes, len(lines))


@lru_cache(maxsize=1)
def _learn(lines: bytes) -> None:
    """Source lines are learned once for jobs in a row that bring the same."""
    code_lines.learn_source_lines(_loaded(memoryview(lines), "call"))


def _loaded(data: memoryview, what: str, *, plain: bool = False) -> Any:
    try:
        if plain:
            return plain_pickle.loads(data, taking=what == "call")
        return pickle.loads(data)  # noqa: S301 - its signature was verified before it came here
    except (NotSendable, SolverUnavailable):
        raise
    except plain_pickle.NotPlain as error:
        raise NotSendable(
            f"The {what} holds {error}, and this worker takes plain data only (--only-registered): send numbers, text, "
            "bytes, lists, tuples, sets, dicts, dates and times."
        ) from None
    except Exception as error:
        raise NotSendable(_missing(error, what)) from error


def _missing(error: Exception, what: str) -> str:
    """One sentence on what is missing here, or why a value cannot be rebuilt."""
    where = f"Python {platform.python_version()} at {sys.executable}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f'The {what} needs the module "{error.name}", which is missing here: install it for {where}.'
    if isinstance(error, AttributeError | ImportError):
        return f"The {what} needs a name that its module does not have here ({error}): install the same version."
    return f"The {what} cannot be rebuilt here ({type(error).__name__}: {error})."


@cache
def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _own_version() -> str:
    try:
        return metadata.version("nbqueue")
    except metadata.PackageNotFoundError:
        return "unreleased"
