"""What a pickle says, whichever of its texts happen to be one object."""

from __future__ import annotations

import hashlib
import pickletools
from collections.abc import Iterator
from typing import Any

#: operations that are looked at, about 10 ms; what follows them is taken as it is
MOST = 20_000

_TEXTS = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"})
_REFERENCES = frozenset({"BINGET", "LONG_BINGET"})


def digest(data: bytes | memoryview) -> bytes:
    """The SHA-256 of a pickle of protocol 5, the same for equal values.

    A pickle holds an object once, and refers to it where it comes again. Whether equal texts are one object depends on
    what the process did before: Python keeps one of equal names for as long as anybody has it. Here a text stands in
    each of its places.
    """
    found = hashlib.sha256()
    for word in _words(bytes(data)):
        found.update(len(word).to_bytes(8, "big"))
        found.update(word)
    return found.digest()


def _words(data: bytes) -> Iterator[bytes]:
    """The operations without those that write objects down; references to what is no text by their count."""
    noted: list[bytes] = []
    text, others = b"", 0
    argument: Any
    for number, (operation, argument, position) in enumerate(pickletools.genops(data)):
        if number == MOST:
            yield data[position:]
            return
        name = operation.name
        if name == "FRAME":
            continue
        if name == "MEMOIZE":
            others += not text
            noted.append(text or b"%d" % others)
            continue
        text = b""
        if name in _TEXTS:
            text = name.encode() + (
                argument if isinstance(argument, bytes) else argument.encode(errors="surrogatepass")
            )
            yield text
        elif name in _REFERENCES:
            yield noted[argument]
        else:
            yield f"{name} {argument!r}".encode(errors="surrogatepass")
