"""One search: what joins a solver's callbacks with the job that it runs in, or with the terminal where there is none.

An adapter makes a `Search`, passes `search.warm` on as a start, runs its solver by `search.run`, tells of solutions and
bounds from its callbacks, and makes the answer by `search.solution`. It knows nothing of jobs itself.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakSet

from nbqueue.inside import cpus
from nbqueue.inside.context import JobContext, current
from nbqueue.inside.outside import TERMINAL
from nbqueue.solvers import memory
from nbqueue.solvers.cores import pinned
from nbqueue.solvers.limits import Limits
from nbqueue.solvers.solution import Number, Solution, Status
from nbqueue.solvers.standing import Incumbent, Standing
from nbqueue.solvers.stops import Attendant, harmless, unshaken

T = TypeVar("T")

#: what ended a search whose process died before it was told why
KILLED = "kill"
_UNTOLD = "A search could not tell how it gets on."
_FULL = 100
#: searches end by their own limits; this many seconds later they are stopped like by a cancel
_LATE_S = 0.25
#: objective and bound of a proven optimum are so near to one another, as far as solvers are exact
_EXACT = 1e-6
#: jobs whose own bar shows how far a search is, as nothing else did
_ours: WeakSet[JobContext] = WeakSet()
_PROVEN = frozenset({Status.OPTIMAL, Status.INFEASIBLE, Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED})


class Search:
    """What one call of a solver tells of itself, and whether it is to stop. Callbacks never raise and never wait."""

    def __init__(
        self,
        solver: str,
        *,
        maximize: bool = False,
        model: Callable[[], str | bytes] | None = None,
        names: Sequence[str] = (),
        limits: Limits | None = None,
        threads: int | None = None,
        least_threads: int = 1,
    ) -> None:
        """Begin; the clock runs from now on.

        Args:
            solver: its name in the answer.
            maximize: which way is better; of no meaning without an objective.
            model: gives the model as text or bytes, so that a checkpoint is refused where it belongs to another one;
                called in jobs only. Without it nothing is kept.
            names: what the variables are called, in the model's order.
            limits: what ends it before a proof.
            threads: how many the user asked for.
            least_threads: how many it has at least where the user asked for none.
        """
        self._solver = solver
        self._job = current()
        self._limits = limits or Limits()
        self._begun_at = monotonic()
        self._memory = memory.for_job(self._job, model)
        #: what an earlier attempt of the job found of this very model; None: nothing
        self.warm: Incumbent | None = self._memory.before() if self._memory else None
        #: what the variables are called
        self.names = tuple(names)
        self._elapsed_before_s = self.warm.elapsed_s if self.warm else 0.0
        self.attempt = self._job.info.attempt if self._job else 1
        self.standing = Standing(self.elapsed_s, maximize=maximize, attempt=self.attempt)
        #: how many threads the solver is to use
        self.threads = threads or max(least_threads, cpus())
        self._processors = threads or cpus()
        #: why it is to stop; None while it is not
        self.stopped_by: str | None = None
        self._attendant: Attendant | None = None
        self._bar = self._bar_name()
        self._shown = 0
        if self.warm is not None:
            self.standing.resume(self.warm)
            self._tell()

    # what the solver's callbacks say; they may come from any thread

    def found(self, objective: float | None, bound: float | None = None, vector: Sequence[float] | None = None) -> None:
        """A solution was found."""
        with harmless(_UNTOLD):
            if self.standing.found(objective, bound, vector) and vector is not None and self._attendant is not None:
                self._attendant.note()
            self._tell()

    def bounded(self, bound: float | None) -> None:
        """No solution is better than this."""
        with harmless(_UNTOLD):
            if self.standing.bounded(bound):
                self._tell()

    def log(self, text: str) -> None:
        """A piece of the solver's log: it goes to the job's log, or is printed."""
        with harmless(_UNTOLD):
            line = text.rstrip("\n") + "\n"
            if self._job is not None:
                self._job.write(line)
            else:
                print(line, end="")  # noqa: T201 - the log was asked for

    # what the adapter asks

    @property
    def time_limit(self) -> float | None:
        """Seconds that the solver has from now on; None: no limit."""
        return self._limit()[0]

    def elapsed_s(self) -> float:
        """Seconds since the search began, those of earlier attempts included."""
        return self._elapsed_before_s + monotonic() - self._begun_at

    def stop(self, reason: str) -> None:
        """End it with the best solution so far. The first reason counts."""
        self.stopped_by = self.stopped_by or reason
        if self._attendant is not None:
            self._attendant.note()
            self._attendant.stop()

    def run(self, solve: Callable[[], T], interrupt: Callable[[], object] | None = None) -> T:
        """Call `solve`, and `interrupt` again and again from another thread once it is to stop, until it has ended.

        Outside of jobs a Ctrl-C, or the kernel's interrupt, stops the search gracefully; a second one gives up waiting.
        """
        with self.stopping(interrupt):
            if self._job is not None:
                with pinned(self._processors), unshaken():
                    return solve()
            if threading.current_thread() is threading.main_thread():
                return self._beside(solve)
            return solve()

    @contextlib.contextmanager
    def stopping(self, interrupt: Callable[[], object] | None = None) -> Iterator[None]:
        """Stops, limits and checkpoints are attended to within this block."""
        attendant = Attendant(interrupt, self._keep if self._memory is not None else None)
        limit_s, reason = self._limit()
        attendant.begin(None if limit_s is None else limit_s + _LATE_S, lambda: self.stop(reason))
        self._attendant = attendant
        if self.warm is not None:
            attendant.note()
        if self._job is not None:
            self._job.stop.listen(self._asked)
        if self.stopped_by is not None:
            attendant.stop()
        try:
            yield
        finally:
            self._attendant = None
            attendant.close()
            if self._job is not None:
                self._job.stop.unlisten(self._asked)
                if self._bar:
                    self._job.reports.end_bar(self._bar)

    def solution(
        self,
        status: Status,
        *,
        objective: float | None = None,
        bound: float | None = None,
        vector: Sequence[Number] | None = None,
        limited: str | None = None,
        statistics: Mapping[str, Number | str] | None = None,
    ) -> Solution:
        """The answer: the best of all attempts, and an honest status. Its job has it ready from here on.

        Args:
            status: what the solver says.
            objective: of its solution.
            bound: the last one.
            vector: the values of its solution in the model's order; None: it has none.
            limited: which limit of the solver's own has ended it, where it says so.
            statistics: numbers and words to keep.
        """
        self.standing.settle(objective, bound, vector)
        self._tell()
        status = self._honest(status)
        answer = self._answer(status, self._why(status, limited), statistics or {})
        with harmless(_UNTOLD):
            self._hand_back(answer)
        return answer

    def _answer(self, status: Status, stopped_by: str | None, statistics: Mapping[str, Number | str]) -> Solution:
        known = self.standing
        # where there is no best solution, those that were met on the way are none
        has = status in (Status.OPTIMAL, Status.FEASIBLE)
        return Solution(
            solver=self._solver, status=status, objective=known.objective if has else None,
            bound=None if status is Status.UNBOUNDED else known.bound, names=self.names,
            vector=known.vector if has else None, stopped_by=stopped_by, trace=known.rows(),
            wall_s=monotonic() - self._begun_at, solutions=known.solutions, attempt=self.attempt, threads=self.threads,
            statistics=dict(statistics),
        )  # fmt: skip

    def _honest(self, status: Status) -> Status:
        """The status of the best known solution: not optimal within a gap of the user's, optimal where the gap is 0."""
        gap = self.standing.gap
        if status is Status.OPTIMAL and self._limits.gap and gap and gap > _EXACT:
            return Status.FEASIBLE
        if status in (Status.FEASIBLE, Status.UNKNOWN) and self.standing.vector is not None:
            return Status.OPTIMAL if gap == 0 else Status.FEASIBLE
        return status

    def _why(self, status: Status, limited: str | None) -> str | None:
        if status in _PROVEN:
            return None
        if self.stopped_by or limited:
            return self.stopped_by or limited
        gap = self.standing.gap
        if self._limits.gap and gap is not None and gap <= self._limits.gap:
            return "gap"
        limit_s, reason = self._limit()
        return reason if limit_s is not None and limit_s <= _LATE_S else "limit"

    def _limit(self) -> tuple[float | None, str]:
        return self._limits.left(monotonic() - self._begun_at, self._elapsed_before_s, self._job)

    def _asked(self) -> None:
        self.stop((self._job is not None and self._job.stop.reason) or "cancel")

    def _beside(self, solve: Callable[[], T]) -> T:
        """Solve in another thread: while a solver runs in this one, Python hears no Ctrl-C."""
        answer: Future[T] = Future()
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: context.run(_into, answer, solve), daemon=True, name="nbqueue-solver")
        thread.start()
        while True:
            try:
                while thread.is_alive():
                    thread.join(60.0)
                return answer.result()
            except KeyboardInterrupt:
                if self.stopped_by == "interrupt":
                    raise
                self.stop("interrupt")

    def _keep(self) -> None:
        """Keep what is best for the next attempt, and for the answer of a job that is stopped and gives none itself."""
        if self._memory is not None and self.standing.vector is not None:
            self._memory.keep(self.standing.incumbent)
            self._hand_back(self._answer(Status.FEASIBLE, self.stopped_by or KILLED, {}))

    def _hand_back(self, answer: Solution) -> None:
        """Have it ready for a job that gives none itself; a search without a solution leaves what is ready by then."""
        if self._job is not None and answer:
            self._job.hand_back(answer, beside=True)

    def _bar_name(self) -> str:
        """Under which name it shows how far it is: by the job's own bar, unless the user's code moves that."""
        job = self._job
        if job is None or job in _ours:
            return ""
        if job.tracked or job.reports.is_moving:
            return self._solver
        _ours.add(job)
        return ""

    def _tell(self) -> None:
        """Report where the search stands: the last word always arrives, at most ten a second do."""
        known = self.standing
        found = {"objective": known.objective, "bound": known.bound, "gap": known.gap, "solutions": known.solutions}
        told: Any = TERMINAL if self._job is None else self._job.reports
        told.metrics({name: value for name, value in found.items() if value is not None})
        if known.gap is None:
            return
        # the bar is what is closed of the gap
        self._shown = max(self._shown, round(_FULL * (1 - min(known.gap, 1.0))))
        if self._job is not None and self._bar:
            if self._attendant is not None:  # afterwards it is shown no more
                self._job.reports.bar(self._bar, self._shown, _FULL)
        else:
            told.progress(self._shown, _FULL, None)


def _into(answer: Future[T], solve: Callable[[], T]) -> None:
    try:
        answer.set_result(solve())
    except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
        answer.set_exception(error)
