"""Parquet: typed columns, compressed, in groups of rows as they were added."""

from __future__ import annotations

from typing import IO, Any

import pandas as pd

from nbqueue.analysis.files import extras
from nbqueue.analysis.files.arrow_table import to_arrow

#: rows of a group at most: what a reader takes at once
GROUP_ROWS = 100_000


class Parquet:
    """Types are those of `to_arrow`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._parquet = extras.load("pyarrow.parquet", "parquet", "Parquet files")
        self._file = file
        self._writer: Any = None

    def add(self, df: pd.DataFrame) -> None:
        """Write the rows of a frame; the first frame decides the types."""
        table = to_arrow(df, None if self._writer is None else self._writer.schema)
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table, row_group_size=GROUP_ROWS)

    def close(self) -> None:
        """Write the file's end."""
        if self._writer is not None:
            self._writer.close()

    def drop(self) -> None:
        """Let the writer not end the file once it is forgotten itself."""
        if self._writer is not None:
            self._writer.is_open = False
