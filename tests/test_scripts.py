"""Each Lua script's header, its body and the table of moves say the same."""

from pathlib import Path

import pytest

from nbqueue.model.states import MOVES
from tests import lua_headers
from tests.source import PACKAGE

SCRIPTS = sorted((PACKAGE / "broker" / "lua").glob("*.lua"))

GOOD = """\
#!lua flags=allow-oom
-- Move jobs, in one sentence
-- that may go on.
-- KEYS[1] zset    the queue: arq:queue:<queue>
-- ARGV[1] text    key prefix of the namespace,
--                 which may be empty
-- ARGV[2..] ...   per job: id, payload
-- Returns: how many
-- Moves: none -> queued, queued -> running
local prefix = ARGV[1] -- not ARGV[9]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 0, prefix .. ARGV[i]) end
"""


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_header_says_what_the_body_does(path: Path) -> None:
    """Every KEYS and ARGV of the body is in the header with its type, and the other way round."""
    lines, body = lua_headers.split(path.read_text(encoding="utf-8"))
    assert lua_headers.faults(lua_headers.read(lines), body) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_makes_the_moves_of_the_table(path: Path) -> None:
    """The moves that a header names are those that the state machine gives to its script."""
    header = lua_headers.read(lua_headers.split(path.read_text(encoding="utf-8"))[0])
    expected = {(str(move.source or "none"), str(move.target)) for move in MOVES if move.script == path.stem}
    assert header.moves == expected


def test_every_move_has_its_script() -> None:
    """The table of moves names only scripts that are there."""
    assert {move.script for move in MOVES} - {path.stem for path in SCRIPTS} == set()


def test_a_header_of_the_agreed_form_is_understood() -> None:
    """Purpose, entries, range, returns and moves are read; an indented line goes on with the one above."""
    lines, body = lua_headers.split(GOOD)
    header = lua_headers.read(lines)
    assert header.purpose == "Move jobs, in one sentence that may go on."
    assert [(entry.number, entry.is_range, entry.kind) for entry in header.entries["ARGV"]] == [
        (1, False, "text"),
        (2, True, "..."),
    ]
    assert header.moves == {("none", "queued"), ("queued", "running")}
    assert lua_headers.faults(header, body) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("KEYS[1] zset", "KEYS[1] heap", "KEYS[1] has the unknown type heap"),
        (
            "-- KEYS[1] zset    the queue: arq:queue:<queue>\n",
            "",
            "the body uses KEYS[1], which the header does not name",
        ),
        ("= ARGV[1]", "= ''", "the header names ARGV[1], which the body does not use"),
        (
            "-- ARGV[2..] ...   per job: id, payload\n",
            "",
            "the body computes places in ARGV, and the header names no range",
        ),
        ("ARGV[2..]", "ARGV[3..]", "ARGV is not numbered 1, 2, 3 ...: [1, 3]"),
        ("-- Returns: how many\n", "", "no line Returns:"),
        ("go on.", "go on", "no purpose that is a sentence"),
        ("-- Moves", "-- Remark\n-- Moves", "strange line: -- Remark"),
    ],
)
def test_a_header_that_is_wrong_is_found(old: str, new: str, fault: str) -> None:
    """Each way to disagree is told in words."""
    lines, body = lua_headers.split(GOOD.replace(old, new))
    assert lua_headers.faults(lua_headers.read(lines), body) == [fault]
