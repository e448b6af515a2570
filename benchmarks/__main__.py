"""`python -m benchmarks`: measure nbqueue and its peers side by side, in one run, on one server."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks import machine, record, report
from benchmarks.arena import open_arena
from benchmarks.contestants import NAMED
from benchmarks.measures import (
    bulk,
    children,
    claims,
    digests,
    drain,
    features,
    fresh,
    http,
    interfaces,
    latency,
    past,
    recovery,
)
from benchmarks.plan import QUICK, WHOLE
from benchmarks.record import Record

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
NUMBERS = ROOT / "benchmarks" / "results.json"
QUICK_NUMBERS = ROOT / "build" / "benchmarks-quick.json"
MEASURES = {
    "drain": drain.measure, "latency": latency.measure, "bulk": bulk.measure, "children": children.measure,
    "fresh": fresh.measure, "past": past.measure, "features": features.measure, "digests": digests.measure,
    "claims": claims.measure, "executors": interfaces.measure_executors,
    "backends": interfaces.measure_backends, "http": http.measure,
}  # fmt: skip
#: those that take long, and are run by themselves
LONG = {"recovery": recovery.measure}
#: whose versions are told with a measure, where it is not everyone's: no other has to be installed for it
WHO = {
    **dict.fromkeys(("fresh", "features", "digests", "claims"), (NAMED,)),
    **dict.fromkeys(("executors", "backends"), interfaces.VERSIONED),
    "http": http.EVERYONE,
}


def main() -> None:
    """Measure, print, write."""
    given = _arguments()
    # told to end, it still ends all that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    chosen = given.only or MEASURES
    with open_arena(QUICK if given.quick else WHOLE) as arena:
        who = dict.fromkeys(each for name in chosen for each in WHO.get(name, machine.VERSIONED))
        facts = machine.facts(arena, who)
        found = Record(facts, {name: (MEASURES | LONG)[name](arena) for name in chosen})
    print(report.tables(found))
    _write(given, found)
    print(f"\nmeasured in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _write(given: argparse.Namespace, found: Record) -> None:
    if given.quick or (given.only and not given.keep):
        record.write(QUICK_NUMBERS, found)
        return
    if given.only:
        found = record.read(NUMBERS).with_apart(found.facts, found.measured)
    else:
        found = found.with_earlier(record.read(NUMBERS), LONG)
    record.write(NUMBERS, found)
    report.write_page(PAGE, report.tables(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few jobs, one round; the page is not written")
    parser.add_argument("--only", nargs="+", choices=[*MEASURES, *LONG], help="these measures; the page is not written")
    parser.add_argument("--keep", action="store_true", help="with --only: write them into the page, beside the others")
    return parser.parse_args()


if __name__ == "__main__":
    main()
