"""What a Lua script says of itself in its header, and what its body uses."""

import re
from dataclasses import dataclass, field

KEY_TYPES = {"zset", "hash", "list", "set", "string", "stream"}
#: ``...`` stands for values of several types, in a range
ARGUMENT_TYPES = {"text", "int", "ms", "json", "bytes", "..."}

ENTRY = re.compile(r"-- (KEYS|ARGV)\[(\d+)(\.\.)?\]\s+(\S+)\s+(\S.*)")
USE = re.compile(r"\b(KEYS|ARGV)\s*\[([^\]]+)\]")
#: other ways to reach many entries at once: a count, a loop, a slice
SWEEP = re.compile(r"(?:#|ipairs\(|unpack\()\s*(KEYS|ARGV)\b(?!\s*\[)")
COMMENT = re.compile(r"--(?:\[\[.*?\]\]|[^\n]*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a header: an element of KEYS or ARGV, or all from a number on."""

    number: int
    #: whether it stands for this element and all that follow
    is_range: bool
    kind: str


@dataclass(kw_only=True)
class Header:
    """The comment lines a script begins with, understood."""

    purpose: str = ""
    entries: dict[str, list[Entry]] = field(default_factory=lambda: {"KEYS": [], "ARGV": []})
    returns: str = ""
    #: files of lua/shared that stand in front of it besides base.lua
    shared: list[str] = field(default_factory=list)
    #: (state before, state after); ``none`` before a job exists
    moves: set[tuple[str, str]] = field(default_factory=set)
    #: lines that have no place in a header
    strange: list[str] = field(default_factory=list)


def split(text: str) -> tuple[list[str], str]:
    """The header's lines, without a ``#!lua`` line, and the body without comments."""
    lines = text.splitlines()
    start = 1 if lines and lines[0].startswith("#!lua") else 0
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("--")), len(lines))
    return lines[start:end], COMMENT.sub("", "\n".join(lines[end:]))


def read(lines: list[str]) -> Header:
    """The header that these lines are; an indented line goes on with the one above."""
    header = Header()
    for line in _joined(lines):
        if entry := ENTRY.fullmatch(line):
            table, number, dots, kind, _ = entry.groups()
            header.entries[table].append(Entry(number=int(number), is_range=bool(dots), kind=kind))
        elif line.startswith("-- Returns: "):
            header.returns = line.removeprefix("-- Returns: ")
        elif line.startswith("-- With: "):
            header.shared = line.removeprefix("-- With: ").split(", ")
        elif line.startswith("-- Moves: "):
            header.moves = {_move(word) for word in line.removeprefix("-- Moves: ").split(",")}
        elif header.entries["KEYS"] or header.entries["ARGV"] or header.returns:
            header.strange.append(line)
        else:
            header.purpose = f"{header.purpose} {line.removeprefix('--').strip()}".strip()
    return header


def faults(header: Header, body: str) -> list[str]:
    """Where header and body disagree, or the header is not of the agreed form; empty when all is well."""
    found = [f"strange line: {line}" for line in header.strange]
    found += ["no purpose that is a sentence"] * (not header.purpose.endswith("."))
    found += ["no line Returns:"] * (not header.returns)
    for table, kinds in (("KEYS", KEY_TYPES), ("ARGV", ARGUMENT_TYPES)):
        entries = header.entries[table]
        found += [
            f"{table}[{entry.number}] has the unknown type {entry.kind}" for entry in entries if entry.kind not in kinds
        ]
        found += _misnumbered(table, entries)
        found += _disagreements(table, entries, body)
    return found


def _joined(lines: list[str]) -> list[str]:
    joined: list[str] = []
    for line in lines:
        if joined and re.match(r"--\s{3,}\S", line):
            joined[-1] += " " + line.removeprefix("--").strip()
        else:
            joined.append(line)
    return joined


def _move(text: str) -> tuple[str, str]:
    source, _, target = text.partition("->")
    return source.strip(), target.strip()


def _misnumbered(table: str, entries: list[Entry]) -> list[str]:
    numbers = [entry.number for entry in entries]
    found = [f"{table} is not numbered 1, 2, 3 ...: {numbers}"] * (numbers != list(range(1, len(numbers) + 1)))
    early = [entry.number for entry in entries[:-1] if entry.is_range]
    return found + [f"{table}[{number}..] is not the last of its kind" for number in early]


def _disagreements(table: str, entries: list[Entry], body: str) -> list[str]:
    literal, computed = used(table, body)
    single = {entry.number for entry in entries if not entry.is_range}
    start = min((entry.number for entry in entries if entry.is_range), default=None)
    beyond = {number for number in literal - single if start is None or number < start}
    found = [f"the body uses {table}[{number}], which the header does not name" for number in sorted(beyond)]
    found += [f"the header names {table}[{number}], which the body does not use" for number in sorted(single - literal)]
    if computed and start is None:
        found.append(f"the body computes places in {table}, and the header names no range")
    if start is not None and not computed and not any(number >= start for number in literal):
        found.append(f"the header names {table}[{start}..], which the body does not use")
    return found


def used(table: str, body: str) -> tuple[set[int], bool]:
    """The numbers a body uses as they stand, and whether it also computes some."""
    inside = [place.strip() for name, place in USE.findall(body) if name == table]
    computed = any(not place.isdigit() for place in inside) or table in SWEEP.findall(body)
    return {int(place) for place in inside if place.isdigit()}, computed
