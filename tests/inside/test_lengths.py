"""What `track` goes through, and how long that says it is."""

from nbqueue import inside


class Stream(tuple[str, ...]):
    """Of a class that has a length, which it does not know itself, as data loaders may be."""

    __slots__ = ()

    def __len__(self) -> int:
        raise TypeError("the length of a stream is not known")


def test_a_length_that_is_not_known_is_none() -> None:
    """As with what has none."""
    assert list(inside.track(Stream("ab"))) == ["a", "b"]
    assert list(inside.track(iter("ab"))) == ["a", "b"]
