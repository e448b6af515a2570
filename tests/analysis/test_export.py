"""CSV files: what is in them, and that they are whole and harmless."""

from pathlib import Path

import pandas as pd
import pytest

from nbqueue.analysis.export import export_csv
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import frame, record


def test_a_history_comes_back_from_its_file(tmp_path: Path) -> None:
    """The file has the frame's columns and rows, times as ISO 8601 in UTC, dicts and tuples as JSON."""
    df = frame([record(n) for n in range(3)])
    path = export_csv(df, tmp_path / "history.csv")
    back = pd.read_csv(path)
    assert list(back.columns) == list(df.columns)
    assert list(back["finished_at"]) == [
        "2026-10-26T07:33:21.000000Z",
        "2026-10-26T07:33:22.000000Z",
        "2026-10-26T07:33:23.000000Z",
    ]
    assert (back["tags"][0], back["progress"][0]) == ('["a"]', '{"done": 3, "total": 3}')
    assert list(back["duration_s"]) == [0.9, 1.9, 2.9]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\uff1dcmd"])
def test_no_text_is_a_formula(text: str, tmp_path: Path) -> None:
    """What a spreadsheet would run has a quote mark before it, in cells and in headers; numbers stay numbers."""
    df = pd.DataFrame({text: [text], "plain": ["a=1"], "number": [-1], "category": pd.Categorical([text])})
    back = pd.read_csv(export_csv(df, tmp_path / "x.csv"))
    assert list(back.columns) == ["'" + text, "plain", "number", "category"]
    assert back.iloc[0].tolist() == ["'" + text, "a=1", -1, "'" + text]


def test_an_old_file_is_replaced_at_once(tmp_path: Path) -> None:
    """Nothing but the new file is left in the folder."""
    path = tmp_path / "x.csv"
    path.write_text("old")
    export_csv(pd.DataFrame({"a": ["ä\n"]}), path)
    assert [item.name for item in tmp_path.iterdir()] == ["x.csv"]
    assert path.read_text(encoding="utf-8") == 'a\n"ä\n"\n'


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The sentence says which path and why, also where a file stands in the place of the folder."""
    with pytest.raises(ConfigurationError, match=r"/no/x\.csv cannot be written: No such file"):
        export_csv(pd.DataFrame(), tmp_path / "no" / "x.csv")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"/file/x\.csv cannot be written: Not a directory"):
        export_csv(pd.DataFrame(), tmp_path / "file" / "x.csv")
