"""How often jobs were tried."""

from __future__ import annotations

import pandas as pd

from nbqueue.analysis.facts.ends import counted
from nbqueue.analysis.facts.texts import texts

#: jobs with so many attempts or more are counted together
MOST = 10
#: ends of attempts that are followed by another
REPEATED = ("retried", "lost")


def attempts_per_job(df: pd.DataFrame) -> pd.DataFrame:
    """Jobs by the number of their last attempt in the frame (`MOST`: or more), one column a state it ended in."""
    number = pd.to_numeric(df["attempt"], errors="coerce")
    ran = pd.DataFrame({"job": texts(df["job"]), "number": number.to_numpy(), "state": texts(df["state"])})
    ran = ran[(ran["number"] > 0).fillna(value=False).to_numpy(dtype=bool) & (ran["job"] != "").to_numpy(dtype=bool)]
    if ran.empty:
        return pd.DataFrame()
    last = ran.sort_values("number", kind="stable").drop_duplicates("job", keep="last")
    counts = pd.crosstab(last["number"].clip(upper=MOST).astype("int64").to_numpy(), last["state"].to_numpy())
    return counts.reindex(range(1, int(counts.index.max()) + 1), fill_value=0)


def repeated_by_function(df: pd.DataFrame) -> pd.DataFrame:
    """Attempts that were followed by another, by function; one column a state."""
    again = df[df["state"].astype(object).isin(REPEATED).to_numpy()]
    return pd.DataFrame() if again.empty else counted(again, "function")
