"""Tables of the command line: what is cut, what is left out, and what never is."""

import pytest

from nbqueue.cli import tables
from nbqueue.cli.jobs import HEADINGS
from nbqueue.cli.jobs import SPARE as SPARE_OF_JOBS
from nbqueue.cli.past import SHOWN, SPARE

JOB = "0123456789abcdef0123"
ERROR = "ValueError: " + 30 * "no "


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_job_id_is_never_cut(width: int) -> None:
    """On a narrow terminal other columns are left out or cut; each row stays one line."""
    live = (JOB, "running", "default", "solve", "solve 1", "50%", "12 min ago", "3.4 s", ERROR)
    past_ = ("2026-10-26 07:33:21", JOB, "1", "timed_out", "shop.solve", "solve 1", "0.1 s", "0.9 s", "w" * 30, ERROR)
    for headings, row, spare in ((HEADINGS, live, SPARE_OF_JOBS), (SHOWN, past_, SPARE)):
        columns = [[heading.upper(), cell] for heading, cell in zip(headings, row, strict=True)]
        found = tables.fitting(columns, width, spare)
        shown = [column[1] for column in found]
        assert JOB in shown
        assert sum(max(map(len, column)) for column in found) + 2 * len(found) - 2 <= max(width, 80)
        assert any(cell.startswith("ValueErro") for cell in shown)


def test_texts_of_jobs_move_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and line breaks of a job's text are not printed."""
    tables.print_table(("ID", "ERROR"), [("a", "red \x1b[31m\x1b]0;title\x07text\r\nnext\x9b2J")])
    assert capsys.readouterr().out.splitlines() == ["ID  ERROR", "a   red text next"]
