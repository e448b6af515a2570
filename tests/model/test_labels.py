"""Labels, as people write them and as the server has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError
from nbqueue.model import labels, resources
from nbqueue.model.options import Options, check

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,10}", fullmatch=True)
LABELS = st.lists(
    st.one_of(NAMES, st.tuples(NAMES, st.from_regex(r"[A-Za-z0-9._-]{1,10}", fullmatch=True)).map("=".join)),
    max_size=labels.MOST, unique=True,
).map(tuple)  # fmt: skip
AMOUNTS = st.dictionaries(NAMES, st.integers(1, 100).map(float), max_size=4)


@given(amounts=AMOUNTS, wanted=LABELS)
def test_what_a_job_needs_is_read_as_it_was_written(amounts: dict[str, float], wanted: tuple[str, ...]) -> None:
    """The text in the server gives resources and labels again."""
    text = labels.needed(resources.canonical(amounts), labels.check(wanted))
    assert labels.split(resources.known(text)) == (amounts, tuple(sorted(wanted)))


@given(amounts=AMOUNTS, wanted=LABELS, more=LABELS)
def test_a_job_fits_a_worker_that_has_all_its_labels(
    amounts: dict[str, float], wanted: tuple[str, ...], more: tuple[str, ...]
) -> None:
    """However many run there already; one label too few, and it does not."""
    needs = resources.known(labels.needed("", wanted))
    offers = labels.offered(amounts, {*wanted, *more})
    free = resources.remaining(offers, [needs] * 1000)
    assert resources.fits(needs, free)
    for one in wanted:
        assert not resources.fits(needs, labels.offered(amounts, {*wanted, *more} - {one}))


def test_a_label_is_no_resource_of_its_name() -> None:
    """A worker with one GPU to use up has not the label `gpu`, nor the other way round."""
    needs = resources.known(labels.needed("gpu=1", ()))
    assert not resources.fits(needs, labels.offered({}, ["gpu"]))
    assert not resources.fits(resources.known(labels.needed("", ["gpu"])), labels.offered({"gpu": 1.0}, []))


def test_labels_are_told_as_they_are_written() -> None:
    """In what a card says, and in the command that helps."""
    needs = check(resources={"gpu": 1}, labels=["site=berlin", "ssd"]).needs
    assert labels.in_words(needs) == "gpu=1, labels site=berlin,ssd"
    assert labels.options(needs) == "--resources gpu=1 --labels site=berlin,ssd"
    assert (labels.in_words("gpu=1"), labels.options("gpu=1")) == ("gpu=1", "--resources gpu=1")


def test_labels_travel_with_the_options() -> None:
    """As plain JSON, and back."""
    options = check(labels=["site=berlin", "gpu", "gpu"])
    assert options.labels == ("gpu", "site=berlin")
    assert Options.from_wire(options.to_wire()) == options


@pytest.mark.parametrize("given_", ["gpu", ["a b"], ["=x"], ["a="], [1], ["+gpu"], ["a=b=c"], ["a"] * 17, ["x" * 65]])
def test_what_is_no_label_is_refused(given_: object) -> None:
    """One sentence, before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"^labels"):
        check(labels=given_)


def test_a_resource_cannot_pass_for_a_label() -> None:
    """Its name begins with a letter."""
    with pytest.raises(ConfigurationError, match=r"^resources has the name '\+gpu'"):
        check(resources={"+gpu": 1})
