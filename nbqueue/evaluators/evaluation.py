"""What an evaluation found: a row an item, and what the scores amount to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from nbqueue.evaluators import scores
from nbqueue.evaluators.comparison import Comparison, paired
from nbqueue.evaluators.failures import Failures
from nbqueue.evaluators.scores import Mean
from nbqueue.model.familiar import by_name, missing

if TYPE_CHECKING:
    from pandas import DataFrame

#: the columns of `Evaluation.frame` that hold whatever it is
_FREE = ("id", "input", "target", "output")
#: names that it has elsewhere, and what to write here
_ELSEWHERE = by_name({
    "evaluation.frame() is a pandas frame": "to_frame to_pandas to_df df dataframe",
    "evaluation.samples are its rows, with the outputs": "results rows items outputs predictions",
    "evaluation.metrics has the mean of each score": "scores mean summary aggregate",
    "evaluation.errors are the rows of items that failed": "failures failed",
})  # fmt: skip
_STOPPED = {
    "cancel": "cancelled",
    "timeout": "stopped by its time limit",
    "errors": "stopped: too many items failed",
}


class Sample(NamedTuple):
    """One item, and what came of it."""

    #: of the item: its "id", its key or index, or its place from 0 on
    id: Any
    #: its "input", or the item itself
    input: Any
    #: its "target"; None where it has none
    target: Any
    #: what the task gave; None where it failed
    output: Any
    #: by name; without those that answered None or failed
    scores: Mapping[str, float]
    #: how often the task was called, less the calls that were told to come later
    attempts: int = 0
    #: seconds of the last call
    latency_s: float | None = None
    #: "Type: message" of the last error; empty: none
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The rows of an evaluation in the order of its items, those that were not reached left out."""

    #: what it is called
    name: str
    #: those that ended
    samples: tuple[Sample, ...]
    #: how many items there are
    total: int
    #: the names of the scores
    scorers: tuple[str, ...]
    #: None: it went through; "cancel", "timeout", or "errors" (more than `max_errors`)
    stopped_by: str | None = None
    #: tells these scorers from others; empty: not known
    scored_by: str = field(default="", repr=False)

    @cached_property
    def means(self) -> dict[str, Mean]:
        """By score: mean, stderr and n, over the rows that have it."""
        return scores.by_name((sample.scores for sample in self.samples), self.scorers)

    @property
    def metrics(self) -> dict[str, Any]:
        """By score {"mean", "stderr", "n"}; `_errors`: items that failed; `_missing`: items that were not reached."""
        found: dict[str, Any] = {name: mean._asdict() for name, mean in self.means.items()}
        return {**found, "_errors": len(self.errors), "_missing": self.total - len(self.samples)}

    @property
    def errors(self) -> tuple[Sample, ...]:
        """The rows of items that failed."""
        return tuple(sample for sample in self.samples if sample.error)

    @property
    def is_complete(self) -> bool:
        """Whether every item was reached."""
        return len(self.samples) == self.total

    def frame(self) -> DataFrame:
        """A pandas frame with a row an item: id, input, target, output, attempts, latency_s, error and each score.

        What is not there is missing in it: `error` where nothing failed, a target, a score.
        """
        import pandas as pd  # where it is needed: importing it takes long

        columns: dict[str, Any] = {name: _column([getattr(each, name) for each in self.samples]) for name in _FREE}
        columns["attempts"] = pd.Series([each.attempts for each in self.samples], dtype="int64")
        columns["latency_s"] = pd.Series([each.latency_s for each in self.samples], dtype="float64")
        columns["error"] = pd.Series([each.error or None for each in self.samples], dtype="object")
        for name in self.scorers:
            columns[name] = pd.Series([sample.scores.get(name) for sample in self.samples], dtype="float64")
        return pd.DataFrame(columns)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what to write in the place of names that it has elsewhere."""
            raise missing(self, name, _ELSEWHERE)

    def compare(self, other: Evaluation) -> dict[str, Comparison]:
        """By score that both have: how much higher this one is, over the items (by id) that both have a score of."""
        theirs = {sample.id: sample.scores for sample in other.samples}
        pairs = [(sample.scores, theirs[sample.id]) for sample in self.samples if sample.id in theirs]
        return {name: paired(pairs, name) for name in self.scorers if name in other.scorers}

    def to_lm_eval(self) -> dict[str, Any]:
        """The means in the form in which lm-evaluation-harness writes its results."""
        found: dict[str, Any] = {"alias": self.name}
        for name, mean in self.means.items():
            found[f"{name},none"], found[f"{name}_stderr,none"] = mean.mean, mean.stderr
        counts = {"original": self.total, "effective": len(self.samples) - len(self.errors)}
        return {"results": {self.name: found}, "n-samples": {self.name: counts}}

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {_told(mean)}" for name, mean in self.means.items())
        return f"<Evaluation {self.name}: {'; '.join(part for part in (means, *self._counts()) if part)}>"

    def _counts(self) -> list[str]:
        found = [f"{len(self.samples):,} of {self.total:,} items"]
        if self.errors:
            found.append(str(Failures(sample.error for sample in self.errors)))
        if self.stopped_by:
            found.append(_STOPPED.get(self.stopped_by, self.stopped_by))
        return found

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{_digits(mean.mean)}</td><td>{_digits(mean.stderr)}</td>"
            f"<td>{mean.n:,}</td></tr>"
            for name, mean in self.means.items()
        )
        head = "<tr><th>score</th><th>mean</th><th>stderr</th><th>n</th></tr>"
        return f"<p><b>{escape(self.name)}</b>: {escape('; '.join(self._counts()))}</p><table>{head}{rows}</table>"


def _column(values: list[Any]) -> Any:
    """Values as a column of their type; whole numbers stay what they are where some are not there."""
    import pandas as pd

    column = pd.Series(values, dtype="object")
    found = column.infer_objects()
    loses = found.dtype.kind == "f" and all(value is None or isinstance(value, int) for value in values)
    return column if loses else found


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"


def _told(mean: Mean) -> str:
    if mean.mean is None:
        return "without scores"
    return f"{mean.mean:.5g}" + (f" ± {mean.stderr:.2g}" if mean.stderr is not None else "") + f" (n={mean.n:,})"
