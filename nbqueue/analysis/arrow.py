"""Frames as Arrow tables and Parquet files, and back: types are kept."""

from __future__ import annotations

import os

import pandas as pd

from nbqueue.analysis.export import export_parquet
from nbqueue.analysis.files import extras
from nbqueue.analysis.files.arrow_table import from_arrow, to_arrow

__all__ = ["from_arrow", "read_parquet", "to_arrow", "to_parquet"]

#: write a frame to a path as Parquet without its index, types as `to_arrow` has them, and give the path back
to_parquet = export_parquet


def read_parquet(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The frame of a Parquet file that `to_parquet` wrote, with the types it had.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    parquet = extras.load("pyarrow.parquet", "parquet", "Parquet files")
    return from_arrow(parquet.read_table(os.fspath(path)))
