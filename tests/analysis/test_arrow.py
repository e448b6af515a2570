"""Frames as Arrow tables and Parquet files: types are kept, and the same frame comes back."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbqueue.analysis.arrow import from_arrow, read_parquet, to_arrow, to_parquet
from nbqueue.analysis.export import format_of
from nbqueue.analysis.files.writer import Writer
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import assert_same, frame, record

SHORT = {"job": "short", "attempt": 0, "state": "expired", "queue": "q"}
RECORDS = [
    record(0, tags=["a", "ä"], progress={"done": 1, "metrics": {"gap": [1, None]}}),
    record(1, queue="night", state="failed", function="shop.price", error_type="ValueError", error="no", progress=None),
    SHORT,
]


def test_types_are_arrows_own() -> None:
    """Times are milliseconds in UTC, integers can be missing, categories dictionaries, tags lists, progress JSON."""
    table = to_arrow(frame(RECORDS))
    found = {name: str(table.schema.field(name).type) for name in ("job", "attempt", "state", "tags", "finished_at")}
    assert found == {
        "job": "string", "attempt": "int64", "state": "dictionary<values=string, indices=int32, ordered=0>",
        "tags": "list<item: string>", "finished_at": "timestamp[ms, tz=UTC]",
    }  # fmt: skip
    assert table["tags"].to_pylist() == [["a", "ä"], ["a"], []]
    assert table["progress"].to_pylist() == ['{"done": 1, "metrics": {"gap": [1, null]}}', None, None]
    assert table["started_at"].null_count == table["duration_s"].null_count == 1


@pytest.mark.parametrize("records", [RECORDS, [SHORT], []], ids=["some", "short", "none"])
def test_the_same_frame_comes_back(records: list[dict[str, object]], tmp_path: Path) -> None:
    """From a table and from a file, with its types, categories and missing values."""
    df = frame(records)
    assert_same(from_arrow(to_arrow(df)), df)
    assert_same(read_parquet(to_parquet(df, tmp_path / "x.parquet")), df)


def test_frames_of_a_history_are_one_file(tmp_path: Path) -> None:
    """Whatever the categories of each: rows that came page by page are read as one frame."""
    pages = [frame([SHORT]), frame(RECORDS), frame([record(9, function="x.y", queue="z")])]
    path = tmp_path / "x.parquet"
    with Writer(path, format_of(path)) as writer:
        for page in pages:
            writer.add(page)
    back = read_parquet(path)
    assert list(back["function"].astype(object).fillna("-")) == ["-", "shop.solve", "shop.price", "-", "x.y"]
    assert list(back["queue"]) == ["q", "default", "night", "q", "z"]
    assert back.dtypes.astype(str).to_dict() == pages[0].dtypes.astype(str).to_dict()


def test_others_read_the_file(tmp_path: Path) -> None:
    """Who knows nothing of nbqueue finds types, times and nulls."""
    path = to_parquet(frame(RECORDS), tmp_path / "x.parquet")
    plain = pd.read_parquet(path)
    assert [str(plain[name].dtype) for name in ("attempt", "state", "finished_at")] == [
        "Int64", "category", "datetime64[ms, UTC]",
    ]  # fmt: skip
    assert pq.read_table(path, columns=["job"]).to_pylist() == [{"job": "job-0"}, {"job": "job-1"}, {"job": "short"}]


def test_any_other_frame_has_arrows_types() -> None:
    """Columns that a history has not are typed by their values, nested ones as JSON."""
    df = pd.DataFrame({"arg0": [1, 2], "state": ["succeeded", "failed"], "result": [{"a": 1}, None]})
    table = to_arrow(df)
    assert table.schema.field("arg0").type == pa.int64()
    assert table["result"].to_pylist() == ['{"a": 1}', None]
    assert from_arrow(table)["arg0"].tolist() == [1, 2]


def test_mixed_values_are_refused() -> None:
    """The sentence names the column and what to do."""
    with pytest.raises(ConfigurationError, match=r"^The frame has no Arrow types: .* texts, by astype\(str\)\.$"):
        to_arrow(pd.DataFrame({"result": [1, "a", 2.5]}))
