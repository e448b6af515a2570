"""What is remembered of functions: of what family they are, and which are better left alone."""

from nbqueue.children.learned import MOST, Learned


def test_the_last_run_counts() -> None:
    """A function is of what its code loaded last; cvxpy says more than highspy, which it loads."""
    learned = Learned()
    for loaded in ({"ortools"}, set(), {"highspy"}, {"highspy", "cvxpy"}, set[str]()):
        learned.learn("solve", "", loaded)
    assert (learned.of("solve", ""), learned.of("other", "")) == ("cvxpy", "")


def test_what_was_told_of_a_function_counts_for_more() -> None:
    """Two functions of one name may be told apart by it."""
    learned = Learned()
    learned.learn("solve", "ortools", {"highspy"})
    assert (learned.of("solve", "ortools"), learned.of("solve", "")) == ("ortools", "")


def test_who_was_refused_is_left_alone() -> None:
    """What was learned or told of it was wrong once, and may be again; others of its name are not meant."""
    learned = Learned()
    learned.learn("solve", "", {"ortools"})
    assert [learned.refuse("solve", told) for told in ("", "", "highspy", "mixed")] == [True, False, True, False]
    learned.learn("solve", "", {"highspy"})
    found = [learned.of("solve", told) for told in ("", "highspy", "ortools", "mixed")]
    assert found == ["mixed", "mixed", "ortools", "mixed"]


def test_the_memory_is_bounded() -> None:
    """What was learned last is kept."""
    learned = Learned()
    for number in range(MOST + 2):
        learned.learn(f"f{number}", "", {"ortools"})
    learned.learn("f2", "", {"highspy"})
    learned.learn("new", "", {"ortools"})
    assert [learned.of(each, "") for each in ("f0", "f1", "f2", "f3", "f4", "new")] == [
        "", "", "highspy", "", "ortools", "ortools",
    ]  # fmt: skip
