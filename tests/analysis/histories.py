"""Histories made for tests: records as the server's scripts and the engines write them."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
from pandas.testing import assert_frame_equal

from nbqueue.analysis.frame import Rows
from nbqueue.analysis.records import Query, parse
from nbqueue.broker.history import Ask, Page
from nbqueue.broker.keys import Keys
from tests.servers import Server

#: 2026-10-26 07:33:20 UTC
BEGIN_MS = 1_793_000_000_000


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A full record of an attempt that ended well; it waited 100 ms and ran until its entry's time."""
    return {
        "job": f"job-{number}", "attempt": 1, "state": "succeeded", "queue": "default", "function": "shop.solve",
        "label": f"solve {number}", "group": "", "priority": 0, "tags": ["a"], "submitted": BEGIN_MS, "due": BEGIN_MS,
        "started": BEGIN_MS + 100, "worker": "host-1", "host": "host", "error_type": "", "error": "", "exit_code": None,
        "signal": None, "cpu_s": 0.25, "peak_bytes": 50_000_000, "payload_bytes": 1200, "result_bytes": 33, "tries": 1,
        "stopped_by": "", "progress": {"done": 3, "total": 3}, "py": "3.11", "v": "0.1.0", **changes,
    }  # fmt: skip


def write(server: Server, records: Iterable[dict[str, Any] | bytes], *, namespace: str = "") -> list[str]:
    """Append records to a server's history, 1 s of server time apart from `BEGIN_MS` + 1 s on; the entries' ids."""
    ids = []
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for number, item in enumerate(records, start=1):
            text = item if isinstance(item, bytes) else json.dumps(item).encode()
            ids.append(f"{BEGIN_MS + 1000 * number}-0")
            queue = item["queue"] if isinstance(item, dict) and isinstance(item.get("queue"), str) else "default"
            pipe.sadd(Keys(namespace).queues, queue)
            pipe.xadd(Keys(namespace).history(queue), {"records": text}, id=ids[-1])
        pipe.execute()
    return ids


def frame(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The frame of records that end 1 s apart, without a server."""
    found = list(records)
    ids = [f"{BEGIN_MS + 1000 * number}-0".encode() for number in range(1, len(found) + 1)]
    rows = Rows()
    if found:
        rows.add(parse(Page(ids, [json.dumps(item).encode() for item in found]), Query()))
    return rows.frame()


def assert_same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    """Two frames have the same columns, types and rows; in which order categories became known does not matter."""
    assert_frame_equal(_sorted(found), _sorted(wanted))


def _sorted(df: pd.DataFrame) -> pd.DataFrame:
    found = {name: df[name].cat.reorder_categories(sorted(df[name].cat.categories)) for name in df.columns
             if isinstance(df[name].dtype, pd.CategoricalDtype)}  # fmt: skip
    return df.assign(**found)


def asking(client: Any) -> Ask:
    """Puts each question to `client` once."""
    return lambda act: act(client)
