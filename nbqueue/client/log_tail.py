"""The end of a job's log: what the server keeps of it, and what was heard that comes after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from nbqueue.model.events import Logged

#: lines and characters of the log that are kept at hand
TAIL_LINES = 200
TAIL_CHARACTERS = 50_000
#: and bytes of what was heard: so many characters at least
HEARD_BYTES = 4 * TAIL_CHARACTERS
#: seconds after which what comes after a hole is shown all the same: a worker keeps what it published within one, and
#: it is looked for every one and a half
PATIENT_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A part of the log that was heard."""

    #: bytes of the log before it
    after: int
    data: bytes
    #: whether its worker said where it stands; else it is taken to come next
    is_sure: bool

    @property
    def till(self) -> int:
        """Bytes of the log up to its end."""
        return self.after + len(self.data)

    def from_byte(self, place: int) -> _Piece:
        """What of it comes after so many bytes of the log."""
        gone = max(place - self.after, 0)
        return replace(self, after=self.after + gone, data=self.data[gone:])


class LogTail:
    """Puts together what is read and what is heard by where it stands in the log: nothing twice, nothing lost.

    What was said before anybody listened, and was not kept yet when it was looked for, leaves a hole. What comes after
    one waits until it is filled, so that no line is seemingly missing; one that is not filled is marked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept = ""
        #: bytes of the log up to the end of what is kept
        self._till = 0
        #: in the order of the log, one for all that follow each other
        self._heard: list[_Piece] = []
        #: the newest attempt that is known
        self._fence = 0
        self._over = False
        #: where the first hole ends, and since when there has been one
        self._hole_till, self._hole_since = -1, 0.0
        #: its last lines
        self.text = ""

    @property
    def has_hole(self) -> bool:
        """Whether something between is not here yet."""
        return self._after_hole is not None

    def heard(self, event: Logged) -> None:
        """Take what was published."""
        is_sure = event.after_bytes is not None
        if event.fence < self._fence or (self._over and not is_sure):
            return
        if event.fence > self._fence:
            self._begin_attempt(event)
        after = self._ends()[-1] if event.after_bytes is None else event.after_bytes
        piece = _Piece(after=after, data=event.text.encode(errors="replace"), is_sure=is_sure).from_byte(self._till)
        if piece.data:
            self._put(piece)
            self._draw()

    def kept(self, text: str, till: int, *, fence: int, final: bool) -> None:
        """Take the end of what the server keeps, and how many bytes there are up to its end.

        Args: `fence` is the number of the attempt that had begun when it was read. Of those before it nothing more
        will be kept; of a job that has ended (`final`) nothing at all.
        """
        if fence > self._fence:
            self._fence, self._heard = fence, []
        self._kept, self._till, self._over = text[-TAIL_CHARACTERS:], till, final
        # where it is not known where something stands, what is kept is taken to have it
        later = [piece.from_byte(till) for piece in self._heard if piece.is_sure or not final]
        self._heard = [piece for piece in later if piece.data]
        self._draw()

    @property
    def _after_hole(self) -> _Piece | None:
        """What comes after the first hole."""
        pairs = zip(self._ends(), self._heard, strict=False)
        return next((piece for before, piece in pairs if piece.after > before), None)

    def _begin_attempt(self, event: Logged) -> None:
        """What earlier ones said and was not kept when this one began is lost; it stands where that stood."""
        self._fence, place = event.fence, event.after_bytes
        if place is not None:
            self._heard = [
                replace(piece, data=piece.data[: place - piece.after]) for piece in self._heard if piece.after < place
            ]

    def _ends(self) -> list[int]:
        """Up to where the log goes that is kept, then what was heard."""
        return [self._till, *(piece.till for piece in self._heard)]

    def _put(self, piece: _Piece) -> None:
        """Put it where it stands, and join what follows each other."""
        found: list[_Piece] = []
        for each in sorted([*self._heard, piece], key=lambda each: each.after):
            last = found[-1] if found else None
            if last is None or each.after > last.till:
                found.append(each)
            else:
                data, is_sure = last.data + each.from_byte(last.till).data, last.is_sure and each.is_sure
                found[-1] = replace(last, data=data, is_sure=is_sure)
        too_many = sum(len(each.data) for each in found) - HEARD_BYTES
        while too_many > 0:
            first = found[0].from_byte(found[0].after + too_many)
            too_many -= len(found[0].data) - len(first.data)
            found[:1] = [first] if first.data else []
        self._heard = found

    def _draw(self) -> None:
        self._note_hole()
        text, place = self._kept, self._till
        for piece in self._heard:
            after = piece.from_byte(place).data.decode(errors="replace")
            if (missing := piece.after - place) > 0:
                if self._waits(after):
                    break
                cut = bool(text) and not text.endswith("\n")
                text += "\n" * cut + f"[... {missing:,} bytes missing ...]\n"
            text += after
            place = max(place, piece.till)
        self.text = "\n".join(text[-TAIL_CHARACTERS:].split("\n")[-TAIL_LINES - 1 :])

    def _note_hole(self) -> None:
        piece = self._after_hole
        hole_till = -1 if piece is None else piece.after
        if hole_till != self._hole_till:
            self._hole_till, self._hole_since = hole_till, self._clock()

    def _waits(self, text: str) -> bool:
        """Whether what comes after a hole is to wait: while it may be filled, and where the hole would be seen."""
        is_patient = not self._over and self._clock() - self._hole_since < PATIENT_S
        return is_patient and len(text) < TAIL_CHARACTERS and text.count("\n") <= TAIL_LINES
