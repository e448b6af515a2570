"""Files of frames: what is in them, and that they are whole and harmless."""

import contextlib
import csv
import json
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from nbqueue.analysis.export import export_csv, export_html, export_jsonl, export_parquet, export_xlsx, format_of
from nbqueue.analysis.files import report, xlsx
from nbqueue.analysis.files.writer import Writer
from nbqueue.errors import ConfigurationError
from tests.analysis.histories import BEGIN_MS, frame, record
from tests.disks import fill, mounted, needs_root

FORMATS: dict[str, Callable[..., Path]] = {
    "x.csv": export_csv, "x.jsonl": export_jsonl, "x.parquet": export_parquet, "x.xlsx": export_xlsx,
    "x.html": export_html,
}  # fmt: skip
each_format = pytest.mark.parametrize("name", FORMATS)
#: what spreadsheets have run as formulas, or taken for links or numbers
VECTORS = [
    "=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "  =1", "\t=1", "\r=1", "\n=1", "\uff1dcmd", "\uff0b1",
    '=HYPERLINK("http://x","y")', "http://example.org", "mailto:a@b", "007", "1e5", "{=1}",
]  # fmt: skip
#: what could be lost on the way
ODD = ["NA", "nan", "True", ' a, "b" ', "ä\r\nß", "'quoted", "<b>&amp;", "_x0041_", "\u202eabc", "a\x07b", "%s %% %d"]
CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def test_a_history_comes_back_from_its_file(tmp_path: Path) -> None:
    """A CSV file has the frame's columns and rows, times as ISO 8601 in UTC, dicts and tuples as JSON."""
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


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\r=1", "\n=1", "\uff1dcmd"])
def test_no_text_is_a_formula(text: str, tmp_path: Path) -> None:
    """What a spreadsheet would run has a quote mark before it, in cells and in headers; numbers stay numbers."""
    df = pd.DataFrame({text: [text], "plain": ["a=1"], "number": [-1], "category": pd.Categorical([text])})
    back = pd.read_csv(export_csv(df, tmp_path / "x.csv"))
    assert list(back.columns) == ["'" + text, "plain", "number", "category"]
    assert back.iloc[0].tolist() == ["'" + text, "a=1", -1, "'" + text]


def test_raw_texts_come_back_as_they_were(tmp_path: Path) -> None:
    """With raw=True every text is in the file as it is; the documented call restores it, whatever it looks like."""
    df = frame([record(n, label=text, error=text, function=text) for n, text in enumerate(VECTORS + ODD)])
    path = export_csv(df, tmp_path / "x.csv", raw=True)
    back = pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
    for name in ("label", "error", "function", "job"):
        assert list(back[name]) == list(df[name]), name


def test_missing_values_are_empty_cells(tmp_path: Path) -> None:
    """Nothing stands where nothing is known; a frame of one column loses no row by that."""
    with export_csv(frame([{"job": "a", "state": "cancelled"}]), tmp_path / "x.csv").open(encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert {name for name, cell in row.items() if cell} == {"job", "state", "priority", "finished_at", "entry"}
    alone = pd.DataFrame({"a": ["x", None, "y"]})
    assert len(pd.read_csv(export_csv(alone, tmp_path / "y.csv"), skip_blank_lines=True)) == 3


def test_json_lines_have_an_object_a_row(tmp_path: Path) -> None:
    """Numbers, lists and objects are themselves, times ISO 8601, what is missing or endless null."""
    endless = record(1, label=VECTORS[0], progress={"done": 1, "metrics": {"gap": float("nan")}}, cpu_s=float("inf"))
    df = frame([record(0, tags=["a", "b"]), endless, {"job": "short", "state": "expired", "attempt": 0}])
    lines = export_jsonl(df, tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()
    first, second, third = (json.loads(line, parse_constant=pytest.fail) for line in lines)
    assert list(first) == list(df.columns)
    assert (first["tags"], first["progress"], first["attempt"]) == (["a", "b"], {"done": 3, "total": 3}, 1)
    assert (first["finished_at"], first["wait_s"]) == ("2026-10-26T07:33:21.000000Z", 0.1)
    assert (second["label"], second["progress"]["metrics"], second["cpu_s"]) == ("=1+1", {"gap": None}, None)
    assert {name for name, value in third.items() if value is not None} == {
        "job", "attempt", "state", "priority", "tags", "finished_at", "entry",
    }  # fmt: skip


def test_json_lines_keep_every_text(tmp_path: Path) -> None:
    """No text breaks a line or the file."""
    df = frame([record(n, label=text) for n, text in enumerate(VECTORS + ODD)])
    path = export_jsonl(df, tmp_path / "x.jsonl")
    assert [json.loads(line)["label"] for line in path.read_text(encoding="utf-8").split("\n")[:-1]] == VECTORS + ODD


def test_a_spreadsheet_has_texts_and_no_formulas(tmp_path: Path) -> None:
    """Each text is a text cell with all its characters: none is a formula, a link or a number."""
    df = frame([record(n, label=text, worker=text) for n, text in enumerate(VECTORS + ODD)])
    [sheet], names = sheets(export_xlsx(df, tmp_path / "x.xlsx"))
    assert [row["label"] for row in sheet] == [row["worker"] for row in sheet] == VECTORS + ODD
    assert not [name for name in names if "hyperlink" in name.lower() or "external" in name.lower()]


def test_a_spreadsheet_has_numbers_and_times(tmp_path: Path) -> None:
    """Numbers are numbers, times days since 1899-12-30 in UTC, dicts and tuples JSON, what is missing no cell."""
    short = {"job": "short", "attempt": 0, "state": "expired"}
    [sheet], _ = sheets(export_xlsx(frame([record(1), short]), tmp_path / "x.xlsx"))
    first, second = sheet
    assert (first["attempt"], first["duration_s"], first["payload_bytes"]) == (1, 0.9, 1200)
    assert first["finished_at"] == pytest.approx((BEGIN_MS + 1000) / 86_400_000 + 25_569, abs=1e-9)
    assert (first["tags"], first["progress"]) == ('["a"]', '{"done": 3, "total": 3}')
    assert set(second) == {"job", "attempt", "state", "priority", "finished_at", "entry"}


def test_a_full_sheet_is_followed_by_another(tmp_path: Path) -> None:
    """No row is lost where a sheet has no more room; each sheet has the names of the columns."""
    df = frame([record(n) for n in range(5)])
    with Writer(tmp_path / "x.xlsx", lambda file: xlsx.Xlsx(file, sheet_rows=2)) as writer:
        writer.add(df[:3])
        writer.add(df[3:])
    found, _ = sheets(writer.target)
    assert [[row["job"] for row in sheet] for sheet in found] == [["job-0", "job-1"], ["job-2", "job-3"], ["job-4"]]
    assert xlsx.SHEET_ROWS == 1_048_575


def test_a_text_too_long_for_a_spreadsheet_is_cut(tmp_path: Path) -> None:
    """It ends with an ellipsis, where the spreadsheet would refuse it."""
    [[row]], _ = sheets(export_xlsx(pd.DataFrame({"a": ["x" * 40_000]}), tmp_path / "x.xlsx"))
    assert row["a"] == "x" * 32_766 + "…"


def test_a_report_is_one_page_that_runs_nothing(tmp_path: Path) -> None:
    """Texts of jobs are texts in it, and it names no other file or server."""
    hostile = ["<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "$\\frac{$", "[/]", "\u202ex", "</style>"]
    df = frame([record(n, label=text, function=text, worker=text, error_type=text, error=text, state="failed")
                for n, text in enumerate(hostile)])  # fmt: skip
    page = export_html(df, tmp_path / "x.html").read_text(encoding="utf-8")
    assert set(re.findall(r"<([a-z0-9]+)", page.lower())) <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td",
        "div", "img",
    }  # fmt: skip
    assert page.count("<img") == page.count('<img src="data:image/svg+xml;base64,') == 10
    assert re.findall(r"(?:https?:)?//\w|@import|url\(", re.sub(r"base64,[^\"]*", "", page)) == []
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "prefers-color-scheme:dark" in page


def test_a_report_counts_everything_and_lists_the_newest(tmp_path: Path) -> None:
    """The numbers are of all attempts; the table has the newest, and says so."""
    df = frame([record(n, state="failed" if n % 4 else "succeeded") for n in range(report.ROWS + 500)])
    with Writer(tmp_path / "x.html", report.Report) as writer:
        for start in range(0, len(df), 400):
            writer.add(df[start : start + 400])
    page = writer.target.read_text(encoding="utf-8")
    assert "1,500 attempts that ended between 2026-10-26 07:33:21 and 2026-10-26 07:58:20 (UTC)." in page
    assert '<td>failed</td><td class="number">1,125</td><td class="number">75.0%</td>' in page
    assert "The newest 1,000 of 1,500, the newest first." in page
    assert re.findall(r"<td>(job-\d+)</td>", page) == [f"job-{n}" for n in range(1499, 499, -1)]


def test_an_empty_history_is_a_report_too(tmp_path: Path) -> None:
    """It says that there is nothing."""
    assert "No attempts in this period." in export_html(frame([]), tmp_path / "x.html").read_text(encoding="utf-8")


def test_a_report_needs_a_history(tmp_path: Path) -> None:
    """Another frame is refused in a sentence, and no file is left."""
    with pytest.raises(ConfigurationError, match=r"^The frame has no column 'finished_at': give one that"):
        export_html(pd.DataFrame({"a": [1]}), tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []


@each_format
def test_an_old_file_is_replaced_at_once(name: str, tmp_path: Path) -> None:
    """Nothing but the new file is left in the folder."""
    path = tmp_path / name
    path.write_text("old")
    assert FORMATS[name](frame([record()]), path) == path
    assert [item.name for item in tmp_path.iterdir()] == [name]
    assert b"old" not in path.read_bytes()[:10]


def test_a_file_is_utf_8_with_short_line_ends(tmp_path: Path) -> None:
    """Lines end alike on all systems."""
    export_csv(pd.DataFrame({"a": ["ä\n"]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes().decode() == 'a\n"ä\n"\n'


@each_format
def test_a_folder_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    """The sentence says which path and why, also where a file is in the place of the folder, or a folder in its own."""
    with pytest.raises(ConfigurationError, match=rf"/no/{name} cannot be written: No such file"):
        FORMATS[name](frame([]), tmp_path / "no" / name)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=rf"/file/{name} cannot be written: Not a directory"):
        FORMATS[name](frame([]), tmp_path / "file" / name)
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match=rf"/{name} cannot be written: Is a directory"):
        FORMATS[name](frame([]), tmp_path / name)


@needs_root
@each_format
def test_a_full_disk_leaves_the_old_file(name: str) -> None:
    """One sentence says what to do, and of the new file nothing is left."""
    df = frame([record(n, label=f"{n} " * 20, error=f"{n}" * 50) for n in range(2000)])
    with mounted("size=64k") as disk:
        (disk / name).write_text("old")
        fill(disk / "filler")
        with pytest.raises(ConfigurationError, match=r"cannot be written: No space left on device. Make room there"):
            FORMATS[name](df, disk / name)
        assert sorted(item.name for item in disk.iterdir()) == ["filler", name]
        assert (disk / name).read_text() == "old"


@each_format
def test_an_interrupted_file_is_none(name: str, tmp_path: Path) -> None:
    """Whoever stops it in the middle finds the old file, and nothing else."""
    (tmp_path / name).write_text("old")
    with contextlib.suppress(KeyboardInterrupt), Writer(tmp_path / name, format_of(name)) as writer:
        writer.add(frame([record(n) for n in range(3)]))
        raise KeyboardInterrupt
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [(name, "old")]


@pytest.mark.parametrize(
    ("name", "library", "sentence"),
    [
        ("x.parquet", "pyarrow", "Parquet files need pyarrow: pip install 'nbqueue[parquet]'."),
        ("x.xlsx", "xlsxwriter", "XLSX files need xlsxwriter: pip install 'nbqueue[excel]'."),
    ],
)
def test_a_missing_library_is_named(
    name: str, library: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence has the command that installs it, and no file is left."""
    for module in [library, *(each for each in sys.modules if each.startswith(f"{library}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as refused:
        FORMATS[name](pd.DataFrame({"a": [1]}), tmp_path / name)
    assert (str(refused.value), list(tmp_path.iterdir())) == (sentence, [])


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet", "x.xlsx"])
def test_any_frame_can_be_written(name: str, tmp_path: Path) -> None:
    """Columns of other types, names that are no texts, and frames without rows or columns all give a file."""
    df = pd.DataFrame({
        1: [1, 2], "naive": pd.to_datetime(["2026-01-01", "NaT"]), "yes": [True, False], "maybe": [True, None],
        "span": pd.to_timedelta([1, 2], unit="s"), "f": [1.5, float("inf")], "huge": [2**60, 1],
    })  # fmt: skip
    for number, each in enumerate((df, df[:0], pd.DataFrame())):
        path = tmp_path / f"{number}{name}"
        assert FORMATS[name](each, path).exists()


def sheets(path: Path) -> tuple[list[list[dict[str, Any]]], list[str]]:
    """Rows of each sheet, by the names of its columns, and the names of the file's parts; a formula fails the test."""
    with zipfile.ZipFile(path) as book:
        names = book.namelist()
        found = [_rows(book.read(name)) for name in sorted(names) if name.startswith("xl/worksheets/sheet")]
    return found, names


def _rows(text: bytes) -> list[dict[str, Any]]:
    rows = []
    for row in ET.fromstring(text).iter(f"{CELL}row"):
        cells: dict[str, Any] = {}
        for cell in row.iter(f"{CELL}c"):
            place = re.sub(r"\d", "", cell.attrib["r"])
            assert [part.tag for part in cell if part.tag == f"{CELL}f"] == []
            if cell.get("t") == "inlineStr":
                cells[place] = _unescaped("".join(part.text or "" for part in cell.iter(f"{CELL}t")))
            elif (value := cell.find(f"{CELL}v")) is not None:
                cells[place] = float(value.text or "")
        rows.append(cells)
    head = rows[0]
    return [{head[place]: value for place, value in row.items()} for row in rows[1:]]


def _unescaped(text: str) -> str:
    """As a spreadsheet reads it: _x0007_ is a control character."""
    return re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)
