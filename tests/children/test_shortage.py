"""Whether a process was killed because memory ran out."""

import pytest

from nbqueue.children.shortage import Shortages, kills, memory_bytes
from nbqueue.model.outcome import Shortage

GB = 10**9


@pytest.mark.parametrize(
    ("signal", "counted", "peak_bytes", "found"),
    [(9, 1, 5 * GB, "counted"), (9, 1, 2 * GB, "counted"), (9, 1, 23_000_000, ""), (9, 0, 9 * GB, "likely"),
     (9, 0, 2 * GB, ""), (9, 0, None, ""), (11, 1, 9 * GB, ""), (None, 1, 9 * GB, "")],
)  # fmt: skip
def test_memory_ran_out_where_there_is_a_sign(
    signal: int | None, counted: int, peak_bytes: int | None, found: Shortage
) -> None:
    """The kernel has counted a kill and the process was large, or it had most of the memory there is."""
    counts = iter([4, 4 + counted])
    shortages = Shortages(lambda: next(counts), lambda: 10 * GB)
    assert shortages.judge(signal, peak_bytes) == found


def test_a_kill_is_believed_of_one_process_only() -> None:
    """What was counted before the last death says nothing of the next one."""
    counts = iter([0, 1, 1])
    shortages = Shortages(lambda: next(counts), lambda: 10 * GB)
    assert [shortages.judge(9, 2 * GB) for _ in range(2)] == ["counted", ""]


def test_the_machine_says_how_much_memory_it_has() -> None:
    """And how many processes were killed for it so far."""
    assert memory_bytes() > 10**8
    assert kills() >= 0
