"""Large pieces of a call that travel apart, once for all jobs that have them: cut out as it is pickled, put back later.

A payload with pieces cut out ends in a table of them: place in the whole payload, bytes and SHA-256 of each, then the
number of rows and a mark. It is signed with the rest, so a piece is what it was, whoever keeps it meanwhile.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pickle import PickleBuffer
from typing import NamedTuple

from nbqueue.errors import TamperedPayload

#: what is large but has no large parts is cut, by its content, into about so many of what pickles write in one go
_PARTS = 2
_MOST_BYTES = 8_000_000
_ROW = struct.Struct(">QQ32s")
#: the last bytes of a payload with a table; a trailer of `codec` cannot end so, as no call has lines of a gigabyte
_END = struct.Struct(">I8s")
_MARK = b"\0pieces1"


class Piece(NamedTuple):
    """A part of a payload that travels apart."""

    #: where it begins in the whole payload
    at: int
    size: int
    #: SHA-256 of what it holds, as hexadecimal text
    digest: str


class Cuts:
    """A file that a pickle is written to: what is large is put aside, by its digest."""

    def __init__(self, over_bytes: int, contents: dict[str, bytes] | None = None) -> None:
        self._over = over_bytes
        #: digest -> what it stands for
        self.contents = {} if contents is None else contents
        #: those of the last pickle, in order
        self.pieces: list[Piece] = []
        self._inline: list[bytes] = []
        #: small writes that may be large together
        self._run: list[bytes] = []
        self._size = 0

    def another(self) -> Cuts:
        """The same for the pickle of another call; equal contents are kept once."""
        return Cuts(self._over, self.contents)

    def before(self, following: Cuts) -> list[Piece]:
        """The pieces of this pickle and of another one that stands behind it."""
        begin = self.tell()
        return [*self.pieces, *(each._replace(at=begin + each.at) for each in following.pieces)]

    def cut(self, data: bytes, dump: Callable[[Cuts], object]) -> bytes:
        """Cut a pickle that was made already: where it is large, it is made once more, by `dump`."""
        if len(data) < self._over:
            self.write(data)
        else:
            dump(self)
        return self.getvalue()

    def write(self, data: bytes | bytearray | PickleBuffer) -> int:
        """Take what the pickler writes: objects of 64 KiB and more come by themselves."""
        written = bytes(data.raw() if isinstance(data, PickleBuffer) else data)
        if len(written) < self._over:
            self._run.append(written)
        else:
            self._end_run()
            self._put_aside(written)
        return len(written)

    def tell(self) -> int:
        """The bytes of the whole pickle so far."""
        self._end_run()
        return self._size

    def getvalue(self) -> bytes:
        """What is left of it without its pieces."""
        self._end_run()
        return b"".join(self._inline)

    def _end_run(self) -> None:
        run, self._run = self._run, []
        large = sum(map(len, run)) >= self._over
        for part in _by_content(run, self._over) if large else run:
            if len(part) >= self._over:
                self._put_aside(part)
            else:
                self._inline.append(part)
                self._size += len(part)

    def _put_aside(self, data: bytes) -> None:
        digest = digest_of(data)
        self.contents.setdefault(digest, data)
        self.pieces.append(Piece(self._size, len(data), digest))
        self._size += len(data)


def with_table(payload: bytes, pieces: Sequence[Piece]) -> bytes:
    """A payload from which pieces were cut, with the table of them."""
    if not pieces:
        return payload
    rows = b"".join(_ROW.pack(each.at, each.size, bytes.fromhex(each.digest)) for each in pieces)
    return payload + rows + _END.pack(len(pieces), _MARK)


def table_bytes(pieces: Sequence[Piece]) -> int:
    """How much longer a payload is with the table of them."""
    return len(pieces) * _ROW.size + _END.size if pieces else 0


def is_cut(payload: bytes | memoryview) -> bool:
    """Whether pieces were cut out of a payload."""
    return payload[-len(_MARK) :] == _MARK


def pieces_of(payload: bytes | memoryview) -> list[Piece]:
    """The pieces that were cut out of a verified payload, in order."""
    if not is_cut(payload):
        return []
    begin = _table_at(payload)
    rows = _ROW.iter_unpack(bytes(payload[begin : -_END.size]))
    return [Piece(at, size, digest.hex()) for at, size, digest in rows]


def whole(payload: bytes, contents: Mapping[str, bytes]) -> bytes:
    """The payload as it was before pieces were cut out of it; `contents` are theirs by their digests."""
    found = pieces_of(payload)
    if not found:
        return payload
    return b"".join(_parts(memoryview(payload)[: _table_at(payload)], found, contents))


def digest_of(data: bytes) -> str:
    """What a piece is called."""
    return hashlib.sha256(data).hexdigest()


def verified(digest: str, data: bytes) -> bytes:
    """The content of a piece, which is what its digest says; raises TamperedPayload where it is not."""
    if digest_of(data) != digest:
        raise TamperedPayload(
            f"A part of the arguments ({len(data):,} bytes) is not what was submitted: somebody changed it in the "
            "server. Submit the job again."
        )
    return data


def _parts(inline: memoryview, found: Iterable[Piece], contents: Mapping[str, bytes]) -> Iterator[bytes | memoryview]:
    taken = passed = 0
    for piece in found:
        before = piece.at - passed
        yield inline[taken : taken + before]
        yield contents[piece.digest]
        taken, passed = taken + before, piece.at + piece.size
    yield inline[taken:]


def _table_at(payload: bytes | memoryview) -> int:
    begin = len(payload) - _END.size
    if begin >= 0:
        rows, _ = _END.unpack_from(payload, begin)
        begin -= int(rows) * _ROW.size
    if begin < 0:
        raise TamperedPayload("The call cannot be rebuilt: its table of pieces is longer than itself.")
    return begin


def _by_content(run: Sequence[bytes], over_bytes: int) -> Iterator[bytes]:
    """Small writes in larger parts, cut where their content says, so that equal ones stay together.

    A pickler writes 64 KiB in one go, counted from the call's beginning: where what comes first is longer or shorter,
    all of them are others.
    """
    part: list[bytes] = []
    size = 0
    for data in run:
        part.append(data)
        size += len(data)
        if size >= _MOST_BYTES or (size >= over_bytes and not zlib.crc32(data) % _PARTS):
            yield b"".join(part)
            part, size = [], 0
    yield b"".join(part)
