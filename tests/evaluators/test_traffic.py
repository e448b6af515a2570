"""A grid search on digits sends its data once, not with each fit: by the server's own counters."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import redis
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

import nbqueue
from nbqueue import submit
from nbqueue.client.portal import shutdown
from nbqueue.evaluators import search
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.workers import running_worker

#: nine candidates, five folds
GRID = {"var_smoothing": [10.0**-power for power in range(4, 13)]}
#: with each fit the data would be 41 MB
MOST_BYTES = 3_000_000


@pytest.fixture(autouse=True)
def client(settings: Settings) -> Iterator[None]:
    """This process submits to a worker."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "2"):
        yield
    shutdown()


def sent_bytes(client: redis.Redis) -> int:
    """What the server has read so far."""
    stats: Any = client.info("stats")
    return int(stats["total_net_input_bytes"])


def scores_by(how: str, x: Any, y: Any) -> list[float]:
    """The mean score of each candidate."""
    import_module("nbqueue.joblib")  # registers the backend, in a job too
    grid = GridSearchCV(GaussianNB(), GRID, cv=5, refit=False)
    if how == "search":
        search(grid, x, y).wait()
    else:
        with parallel_config(backend="nbqueue", n_jobs=2):
            grid.fit(x, y)
    return list(grid.cv_results_["mean_test_score"])


@pytest.mark.parametrize(
    "how", ["search", *(pytest.param(each, marks=pytest.mark.slow) for each in ("joblib", "search in a job"))]
)
def test_forty_five_fits_send_under_three_megabytes(server: Server, how: str) -> None:
    """By `search`, and by the backend of joblib, also in a job; the scores are those of a serial run."""
    x, y = load_digits(return_X_y=True)
    of = how.partition(" ")[0]
    with server.client() as counting:
        before = sent_bytes(counting)
        scores = scores_by(of, x, y) if of == how else submit(scores_by, of, x, y).wait(20).wait(100)
        sent = sent_bytes(counting) - before
    serial = GridSearchCV(GaussianNB(), GRID, cv=5, refit=False).fit(x, y)
    assert scores == list(serial.cv_results_["mean_test_score"])
    assert sent < MOST_BYTES, f"{sent:,} bytes"
