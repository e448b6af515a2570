"""Our JSON is the standard library's JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.model import plain_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), PLAIN))
def test_it_encodes_what_the_standard_library_encodes(value: dict[str, Any]) -> None:
    """The same text as json.dumps, and it reads back."""
    text = plain_json.encode(value)
    assert text == json.dumps(value, separators=(",", ":"))
    assert plain_json.decode(text) == json.loads(text)


@pytest.mark.parametrize("text", ["{} ", "{}{}", "", " {}", '{"a"'])
def test_it_takes_nothing_but_one_value(text: str) -> None:
    """What is before or after a value is refused."""
    with pytest.raises(ValueError, match=r".+"):
        plain_json.decode(text)
