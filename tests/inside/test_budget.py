"""The budget of a job's output: a burst, a rate, and a true count of what was dropped."""

from nbqueue.inside.budget import Budget


class Clock:
    """A clock that the test turns."""

    now = 0.0

    def __call__(self) -> float:
        """The time the test has set."""
        return self.now


def test_a_burst_passes_and_the_rest_is_counted() -> None:
    """What is over the budget is dropped and counted; the mark says how much, once."""
    budget = Budget(1_000_000, Clock())
    assert budget.pass_through(600_000) == ("", 600_000)
    assert budget.pass_through(600_000) == ("", 400_000)
    assert budget.pass_through(300_000) == ("", 0)
    assert budget.dropped == 500_000
    assert budget.mark() == "\n[... 0.5 MB of output dropped ...]\n"
    assert budget.mark() == ""


def test_it_opens_again_only_for_a_worthwhile_piece() -> None:
    """Once used up nothing passes until a quarter of a second's worth is back; then the mark comes first."""
    clock = Clock()
    budget = Budget(1_000, clock)
    assert budget.pass_through(1_100) == ("", 1_000)
    clock.now = 0.2
    assert budget.pass_through(50) == ("", 0)
    clock.now = 0.3
    assert budget.pass_through(50) == ("\n[... 150 bytes of output dropped ...]\n", 50)
    assert budget.dropped == 0


def test_little_output_is_never_dropped() -> None:
    """A job below the rate loses nothing, however long it runs."""
    clock = Clock()
    budget = Budget(1_000, clock)
    for second in range(100):
        clock.now = float(second)
        assert budget.pass_through(900) == ("", 900)
