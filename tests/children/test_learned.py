"""What is remembered of functions that do not say of what family they are."""

from nbqueue.children.learned import MOST, Learned


def test_the_last_run_counts() -> None:
    """A function is of what its code loaded last; cvxpy says more than highspy, which it loads."""
    learned = Learned()
    for loaded in ({"ortools"}, set(), {"highspy"}, {"highspy", "cvxpy"}, set[str]()):
        learned.learn("solve", loaded, refused=False)
    assert (learned.of("solve"), learned.of("other")) == ("cvxpy", "")


def test_who_was_refused_is_left_alone() -> None:
    """What was learned of it was wrong once, and may be again."""
    learned = Learned()
    learned.learn("solve", {"ortools"}, refused=False)
    learned.learn("solve", set(), refused=True)
    learned.learn("solve", {"highspy"}, refused=False)
    assert learned.of("solve") == "mixed"


def test_the_memory_is_bounded() -> None:
    """What was learned last is kept."""
    learned = Learned()
    for number in range(MOST + 2):
        learned.learn(f"f{number}", {"ortools"}, refused=False)
    learned.learn("f2", {"highspy"}, refused=False)
    learned.learn("new", {"ortools"}, refused=False)
    assert [learned.of(each) for each in ("f0", "f1", "f2", "f3", "f4", "new")] == [
        "", "", "highspy", "", "ortools", "ortools",
    ]  # fmt: skip
