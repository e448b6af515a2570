"""Digests of numpy arrays by type, shape and buffer, and of pandas tables by their columns; neither is imported."""

from __future__ import annotations

import hashlib
import sys
from functools import partial
from typing import Any

from nbqueue.broker.digest_walk import Walk

#: kinds of dtype whose values are the bytes of the buffer
_BY_BUFFER = frozenset("biufcmMSUV")
#: arrays that are not contiguous are copied in pieces of about this size
_PIECE_BYTES = 2**25
#: the digest of a larger array is kept while a call is digested
_LARGE_BYTES = 2**16


def encode(walk: Walk, value: Any) -> bool:
    """Write an array, a number of numpy's, or a table; whether it is one."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    kind = type(value)
    if numpy is not None and hasattr(numpy, "ndarray"):
        if kind is numpy.ndarray or kind is numpy.memmap:
            _array(walk, numpy, value)
            return True
        if "numpy.ma" in sys.modules and kind is numpy.ma.MaskedArray:
            walk.node("masked", value, lambda inner: _masked(inner, numpy, value))
            return True
        if isinstance(value, numpy.generic):
            walk.text("number", kind.__name__)
            _array(walk, numpy, numpy.asarray(value))
            return True
    if numpy is not None and pandas is not None and hasattr(pandas, "DataFrame"):
        return _pandas(walk, numpy, pandas, value)
    return False


# numpy


def _array(walk: Walk, numpy: Any, value: Any) -> None:
    dtype = value.dtype
    if dtype.names is not None:  # what lies between the fields is chance
        walk.node("records", value, lambda inner: _records(inner, numpy, value))
    elif dtype.hasobject or dtype.kind not in _BY_BUFFER:
        walk.node("objects", value, lambda inner: _elements(inner, value))
    elif dtype.type in (numpy.longdouble, numpy.clongdouble) and dtype.itemsize > numpy.dtype(complex).itemsize // 2:
        walk.node("long floats", value, lambda inner: _long_floats(inner, numpy, value))
    else:
        _head(walk, value)
        walk.raw("buffer", _buffer_digest(walk, numpy, value))


def _masked(walk: Walk, numpy: Any, value: Any) -> None:
    """What lies under the mask is chance."""
    walk.part(".fill_value", value.fill_value)
    _array(walk, numpy, value.filled(value.fill_value))
    _array(walk, numpy, numpy.ma.getmaskarray(value))


def _head(walk: Walk, value: Any) -> None:
    walk.text("array", f"{value.dtype.str} {value.shape}")


def _records(walk: Walk, numpy: Any, value: Any) -> None:
    walk.text("shape", str(value.shape))
    for name in value.dtype.names:
        walk.text("field", name)
        _array(walk, numpy, value[name])


def _elements(walk: Walk, value: Any) -> None:
    _head(walk, value)
    for index, item in enumerate(value.reshape(-1).tolist()):
        walk.part(f"[{index}]", item)


def _long_floats(walk: Walk, numpy: Any, value: Any) -> None:
    """Their last bytes are not part of the number: as two floats each, which hold all of it."""
    _head(walk, value)
    for each in (value.real, value.imag) if value.dtype.kind == "c" else (value,):
        high = each.astype(float)
        with numpy.errstate(invalid="ignore"):
            low = (each - high).astype(float)
        walk.raw("high", high.tobytes())
        walk.raw("low", low.tobytes())


def _buffer_digest(walk: Walk, numpy: Any, value: Any) -> bytes:
    known = walk.kept.get(id(value))
    if known is not None:
        return known[1]
    written = hashlib.sha256()
    for piece in _pieces(value):
        if piece.nbytes:
            written.update(numpy.ascontiguousarray(piece).reshape(-1).view(numpy.uint8).data)
    if value.nbytes > _LARGE_BYTES:
        walk.kept[id(value)] = value, written.digest()
    return written.digest()


def _pieces(value: Any) -> list[Any]:
    """The array in parts along its first axis, where it has to be copied and is large."""
    if value.flags.c_contiguous or value.nbytes <= _PIECE_BYTES or value.ndim == 0:
        return [value]
    rows = max(1, len(value) * _PIECE_BYTES // value.nbytes)
    return [value[start : start + rows] for start in range(0, len(value), rows)]


# pandas


def _pandas(walk: Walk, numpy: Any, pandas: Any, value: Any) -> bool:
    kind = type(value)
    if kind is pandas.DataFrame:
        walk.node("frame", value, lambda inner: _frame(inner, numpy, pandas, value))
    elif kind is pandas.Series:
        walk.node("series", value, lambda inner: _series(inner, numpy, pandas, value))
    elif isinstance(value, pandas.Index):
        walk.node("index", value, lambda inner: _index(inner, numpy, pandas, value))
    elif isinstance(value, pandas.api.extensions.ExtensionArray):
        walk.node("values", value, lambda inner: _values(numpy, pandas, value, inner))
    elif isinstance(value, pandas.api.extensions.ExtensionDtype):
        walk.node("dtype", value, lambda inner: _dtype(inner, pandas, value))
    else:
        return False
    return True


def _frame(walk: Walk, numpy: Any, pandas: Any, value: Any) -> None:
    walk.text("shape", str(value.shape))
    walk.part(".columns", value.columns)
    walk.part(".index", value.index)
    for place in range(value.shape[1]):
        column = value.iloc[:, place]
        walk.text("dtype", str(column.dtype))
        walk.below(f"[{column.name!r}]", partial(_values, numpy, pandas, column.array))
    walk.part(".attrs", value.attrs)


def _series(walk: Walk, numpy: Any, pandas: Any, value: Any) -> None:
    walk.part(".name", value.name)
    walk.part(".index", value.index)
    _values(numpy, pandas, value.array, walk)
    walk.part(".attrs", value.attrs)


def _index(walk: Walk, numpy: Any, pandas: Any, value: Any) -> None:
    walk.text("class", type(value).__name__)
    walk.part(".names", list(value.names))
    if isinstance(value, pandas.RangeIndex):
        walk.text("range", f"{value.start} {value.stop} {value.step}")
    elif isinstance(value, pandas.MultiIndex):
        for level in range(value.nlevels):
            walk.part("", value.get_level_values(level))
    else:
        walk.text("freq", str(getattr(value, "freqstr", None)))
        _values(numpy, pandas, value.array, walk)


def _values(numpy: Any, pandas: Any, value: Any, walk: Walk) -> None:
    """The values of a column, whatever holds them: those that are missing by their places, not by what lies there."""
    if isinstance(value, pandas.arrays.NumpyExtensionArray):
        walk.part("", value.to_numpy())
        return
    _dtype(walk, pandas, value.dtype)
    if isinstance(value, pandas.Categorical):
        walk.part("", value.codes)
    elif hasattr(value, "asi8"):
        walk.part("", value.asi8)
    elif value.dtype.kind in "biuf" and hasattr(value, "isna"):
        missing = numpy.asarray(value.isna())
        walk.part("", missing)
        walk.part("", value[~missing].to_numpy(dtype=value.dtype.type))
    else:
        for index, item in enumerate(value.astype(object).tolist()):
            walk.part(f"[{index}]", item)


def _dtype(walk: Walk, pandas: Any, dtype: Any) -> None:
    walk.text("dtype", str(dtype))
    if isinstance(dtype, pandas.CategoricalDtype):
        walk.part(".categories", dtype.categories)
        walk.text("ordered", str(dtype.ordered))
