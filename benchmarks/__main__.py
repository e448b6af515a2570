"""`python -m benchmarks`: measure nbqueue and its peers side by side, in one run, on one server."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks import machine, report
from benchmarks.arena import open_arena
from benchmarks.measures import bulk, children, claims, digests, drain, features, fresh, latency
from benchmarks.plan import QUICK, WHOLE

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
NUMBERS = ROOT / "benchmarks" / "results.json"
QUICK_NUMBERS = ROOT / "build" / "benchmarks-quick.json"
MEASURES = {
    "drain": drain.measure, "latency": latency.measure, "bulk": bulk.measure, "children": children.measure,
    "fresh": fresh.measure, "features": features.measure, "digests": digests.measure,
    "claims": claims.measure,
}  # fmt: skip


def main() -> None:
    """Measure, print, write."""
    given = _arguments()
    # told to end, it still ends all that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    with open_arena(QUICK if given.quick else WHOLE) as arena:
        facts = machine.facts(arena)
        measured = {name: MEASURES[name](arena) for name in given.only or MEASURES}
    text = report.tables(facts, measured)
    print(text)
    whole = not (given.quick or given.only)
    report.write_json(NUMBERS if whole else QUICK_NUMBERS, facts, measured)
    if whole:
        report.write_page(PAGE, text)
    print(f"\nmeasured in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few jobs, one round; the page is not written")
    parser.add_argument("--only", nargs="+", choices=MEASURES, help="these measures; the page is not written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
