"""What the dashboard of a notebook does besides the acts of all: select all that match, and write them to a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from nbqueue.board import acts, roster
from nbqueue.board.actions import Actions
from nbqueue.board.picked import counted
from nbqueue.board.roster import Choice
from nbqueue.client.link import Link
from nbqueue.notebook.board import exports
from nbqueue.notebook.board.exports import Saved

#: buttons for selected jobs that do nothing in the server
OPEN, CLEAR = "Open card", "Clear selection"
#: selects what is not on the page too
MATCHING = "Select all that match"
#: writes it to a file
EXPORT = "Export"


class Searches(Actions):
    """Acts, and what is done with all jobs that a choice is true of."""

    def find(self, choice: Choice, found: Callable[[Sequence[str]], None]) -> None:
        """Ask the server for all jobs that a choice is true of, and hand on their ids."""

        async def searched(link: Link) -> str:
            records, cut = await acts.matching(link, choice)
            found([record.id for record in records])
            return f"{counted(len(records), 'job')} selected{cut}"

        self._say(f"{MATCHING} …")
        self._begin(MATCHING, searched)

    def export(self, choice: Choice, words: str, saved: Callable[[Saved], None]) -> None:
        """Ask the server for all jobs that a choice is true of, write them to a file, and hand on what it is."""
        here, now = Path.cwd(), datetime.now().astimezone()

        async def exported(link: Link) -> str:
            records, cut = await acts.matching(link, choice)
            ordered = roster.ordered(records, choice)
            file = await asyncio.to_thread(exports.save, ordered, exports.FORMATS[words], here, now)
            saved(file)
            return f"{counted(len(records), 'job')}{cut} written to {file.path.name}"

        self._say(f"{EXPORT} …")
        self._begin(EXPORT, exported)
