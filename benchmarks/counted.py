"""`python -m benchmarks.counted`: what a claim costs the server in instructions, which no other load changes.

Needs valgrind (apt-get install valgrind), and a quarter of an hour: a server under it is some ten times slower.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.crowd import ROOM, Crowd
from benchmarks.measures.claims import FLOOR, ROWS
from tests.servers import Server, running_server
from tests.waiting import wait_until

WAITING = (1_000, 1_000_000)
#: the median of so many claims
CLAIMS = 7
UNDER = ("valgrind", "--tool=callgrind", "--instr-atstart=no")
_TOTAL = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)
#: valgrind obeys when the server has a turn, ten times a second at least
_OBEYED_S = 0.3


class CountedCrowd(Crowd):
    """A crowd whose server runs under valgrind."""

    def __init__(self, server: Server, folder: Path) -> None:
        super().__init__(server)
        self._pid = server.process.pid
        self._out = folder / "counts"
        self._dumps = 0

    def count(self, *, on: bool) -> None:
        """Count from now on, or no more: without it the server is several times faster."""
        self._control("-i", "on" if on else "off")
        time.sleep(_OBEYED_S)

    async def timed_claim(self) -> tuple[dict[str, int], float]:
        """The jobs that are next, id -> fence, and how many instructions that took."""
        self._counted()
        claimed = await self.claim()
        return {each.job_id: each.fence for each in claimed.claims}, float(self._counted())

    def _counted(self) -> int:
        """The instructions since this was last asked."""
        self._dumps += 1
        self._control("-d", "counted")
        file = self._out.with_name(f"{self._out.name}.{self._dumps}")
        found = wait_until(lambda: file.exists() and _TOTAL.search(file.read_text(encoding="utf-8")), 30)
        return int(found[1])

    def _control(self, *words: str) -> None:
        command = ("callgrind_control", *words, str(self._pid))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - words of our own


async def _measure(waiting: int, folder: Path) -> dict[str, float]:
    """Row -> instructions for one claimed job, with so many waiting."""
    under = (*UNDER, f"--callgrind-out-file={folder / 'counts'}")
    with ExitStack() as stack:
        crowd = CountedCrowd(stack.enter_context(running_server(under)), folder)
        found: dict[str, float] = {}
        for name, (fill, claiming) in ROWS.items():
            if fill is not None:
                await crowd.begin()
                await fill(crowd, waiting)
            if name == FLOOR:
                continue
            crowd.count(on=True)
            found[name] = statistics.median([await claiming(crowd) for _ in range(CLAIMS)]) / ROOM
            crowd.count(on=False)
            print(f"{waiting:,} wait, {name}: {found[name]:,.0f}", file=sys.stderr)
        await crowd.close()
    return found


def main() -> None:
    """Count, and print a table."""
    if shutil.which(UNDER[0]) is None:
        sys.exit("valgrind is not installed: apt-get install valgrind.")
    root = Path(__file__).parent.parent / "build" / "counts"
    found = {}
    for waiting in WAITING:
        folder = root / str(waiting)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        found[waiting] = asyncio.run(_measure(waiting, folder))
    few, many = (found[waiting] for waiting in WAITING)
    print("|  | " + " | ".join(f"{waiting:,} wait" for waiting in WAITING) + " | ratio |")
    print("| --- | --- | --- | --- |")
    for name, count in few.items():
        print(f"| {name} | {count:,.0f} | {many[name]:,.0f} | **{many[name] / count:.2f}** |")


if __name__ == "__main__":
    main()
