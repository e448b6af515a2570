"""Columns of a frame as plain texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def texts(column: Any) -> npt.NDArray[np.object_]:
    """Each value as a text that can be encoded, whatever it is; empty where there is none."""
    found = column.astype(object)
    return np.array([_text(value) for value in found.where(found.notna(), "")], dtype=object)


def _text(value: object) -> str:
    text = str(value)
    # a lone surrogate is no letter
    return text if text.isascii() else text.encode(errors="replace").decode()
