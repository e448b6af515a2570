"""Resources: names and amounts, and their canonical text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError
from nbqueue.model import resources

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,10}", fullmatch=True)
AMOUNTS = st.dictionaries(NAMES, st.integers(1, 10**12) | st.decimals("0.000001", "1000000", places=6).map(float))


@given(AMOUNTS.filter(lambda found: len(found) <= resources.MOST))
def test_text_and_amounts_are_the_same(amounts: dict[str, float]) -> None:
    """What is written is read again, and the same amounts have the same text in whatever order they come."""
    text = resources.canonical(amounts)
    assert resources.parse(text) == pytest.approx(resources.check(amounts))
    assert resources.canonical(dict(reversed(amounts.items()))) == text == resources.canonical(resources.parse(text))


def test_the_canonical_text() -> None:
    """By name, numbers as short as they can be, nothing of what is used up."""
    found = resources.check({"memory_gb": 8, "gpu": 1.0, "share": 0.25})
    assert resources.canonical({**found, "none": 0.0}) == "gpu=1,memory_gb=8,share=0.25"
    assert resources.parse(" gpu = 1 , memory_gb=8.50,") == {"gpu": 1, "memory_gb": 8.5}
    assert (resources.canonical({}), resources.parse("")) == ("", {})


def test_what_is_left_is_exact() -> None:
    """Fractions that are taken and given back add up; all of it gone is nothing."""
    left = resources.remaining({"gpu": 1, "memory_gb": 0.3}, [{"memory_gb": 0.1}, {"memory_gb": 0.2}, {"other": 1}])
    assert resources.canonical(left) == "gpu=1"
    assert resources.fits({"gpu": 1}, left)
    assert not resources.fits({"gpu": 1, "memory_gb": 0.1}, left)
    assert not resources.fits({"gurobi": 1}, left)
    assert resources.fits({"memory_gb": 0.3}, {"memory_gb": 0.1 + 0.2})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("gpu=1", "resources='gpu=1' cannot be used: give a dict such as {\"gpu\": 1}."),
        ({"gpu": 0}, "resources has gpu=0: give a number from 0.000001 to 1000000000000."),
        ({"gpu": True}, "resources has gpu=True: give a number from 0.000001 to 1000000000000."),
        ({"gpu": math.nan}, "resources has gpu=nan: give a number from 0.000001 to 1000000000000."),
        ({"gpu": "1"}, "resources has gpu='1': give a number from 0.000001 to 1000000000000."),
        ({"g=u": 1}, "resources has the name 'g=u': give 1 to 64 letters, digits and . _ -, beginning with a letter."),
        ({1: 1}, "resources has the name 1: give 1 to 64 letters, digits and . _ -, beginning with a letter."),
        ({f"r{i}": 1 for i in range(17)}, "resources names 17 resources: give at most 16."),
    ],
)
def test_what_cannot_be_meant_is_refused(value: object, sentence: str) -> None:
    """One sentence says what came and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        resources.check(value)
    assert str(caught.value) == sentence


def test_a_text_that_nobody_of_ours_wrote_is_nothing() -> None:
    """What stands in the server may be anything."""
    for text in ("", "gpu", "gpu=x", "=1", "gpu=1,gpu=2", "gpu=inf", "\udcff=1"):
        assert resources.known(text) == {}
