"""The jobs that have ended, as far as they are known by name: so many that failed, and so many of all others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbqueue.model.job import JobRecord
from nbqueue.model.states import FAILURES, FINAL, State

#: jobs that failed which are known by name, and so many that ended otherwise: neither pushes out the others
KEPT = 3_000
#: states that share an allowance
_KINDS = (frozenset(FAILURES), FINAL - frozenset(FAILURES))


class Ended:
    """The newest of each kind, by id."""

    def __init__(self) -> None:
        self._records: dict[str, JobRecord] = {}
        self._sizes = dict.fromkeys(_KINDS, 0)
        #: states of which some that had ended were passed over or forgotten
        self.cut: frozenset[State] = frozenset()

    @property
    def records(self) -> Mapping[str, JobRecord]:
        """All of them."""
        return self._records

    def has_room(self, most: Mapping[State, int]) -> bool:
        """Whether more of a kind may be kept and, by how many of each state there ever were, may be found."""
        return any(size < min(KEPT, sum(most.get(state, 0) for state in kind)) for kind, size in self._sizes.items())

    def put(self, record: JobRecord) -> None:
        """One that has just ended, or all that is known of one."""
        self.drop(record.id)
        self._records[record.id] = record
        self._sizes[_kind(record)] += 1

    def put_old(self, records: Iterable[JobRecord]) -> None:
        """Some that ended before all that are known, newest first: as many as there is room for."""
        for record in records:
            if record.id in self._records:
                continue
            if self._sizes[_kind(record)] < KEPT:
                self.put(record)
            else:
                self.cut |= _kind(record)

    def drop(self, job_id: str) -> None:
        """Forget one."""
        record = self._records.pop(job_id, None)
        if record is not None:
            self._sizes[_kind(record)] -= 1

    def shrink(self) -> None:
        """Forget the oldest where there are far too many."""
        for kind in [kind for kind, size in self._sizes.items() if size > 2 * KEPT]:
            own = [record for record in self._records.values() if record.state in kind]
            own.sort(key=lambda each: each.finished_at.timestamp() if each.finished_at else 0)
            for record in own[:-KEPT]:
                self.drop(record.id)
            self.cut |= kind


def _kind(record: JobRecord) -> frozenset[State]:
    return _KINDS[0] if record.state in _KINDS[0] else _KINDS[1]
