"""A process that passes on what another one writes to a terminal: to where it would have gone, and to a reader.

It is run by itself, as a script: while a solver holds Python's lock, no thread of the solver's process could read, and
the solver would wait for ever for room in the terminal.
"""

import os
import select
import signal
import sys

_READ_BYTES = 65_536


def main(terminal: int, out: int, reader: int, end: bytes) -> None:
    """Pass on bytes until `end` comes or nobody can write any more.

    Args:
        terminal: where it reads.
        out: where everything goes, but for `end`; it may make us wait.
        reader: where a copy goes, whenever there is room.
        end: said by the other process when there is no more.
    """
    os.set_blocking(reader, False)
    held, copy, is_over = b"", b"", False
    while copy or not is_over:
        ready, room, _ = select.select([] if is_over else [terminal], [reader] if copy else [], [])
        if ready:
            text, held, is_over = _passed(held, _read(terminal), end)
            copy += text
            _write(out, text)
        if room:
            copy = copy[_offer(reader, copy) :]


def _passed(held: bytes, data: bytes, end: bytes) -> tuple[bytes, bytes, bool]:
    """What may go on, what may be the beginning of the end, and whether there is no more."""
    held += data
    before, found, _ = held.partition(end)
    if found or not data:
        return before, b"", True
    at = held.rfind(end[:1], max(len(held) - len(end), 0))
    return (held, b"", False) if at < 0 else (held[:at], held[at:], False)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, _READ_BYTES)
    except OSError:  # the last one who could write is gone
        return b""


def _write(out: int, text: bytes) -> None:
    while text:
        try:
            text = text[os.write(out, text) :]
        except BlockingIOError:
            select.select([], [out], [])
        except OSError:  # nobody is there
            return


def _offer(reader: int, copy: bytes) -> int:
    """How much it took; all where nobody reads any more."""
    try:
        return os.write(reader, copy)
    except BlockingIOError:
        return 0
    except OSError:
        return len(copy)


if __name__ == "__main__":
    # an interrupt of the whole group is for the solver, whose last lines are to come
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4]))
