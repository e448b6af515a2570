"""How many jobs an engine has room for, in which queues there may be more, and which of them get the room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nbqueue.model import resources
from nbqueue.worker.turns import Turns

#: claims in one round trip, per lane, of all queues
BATCH = 64
#: for each slot so many jobs may wait for jobs of their own, which keeps recursion from filling the machine
RESTING = 64

#: what a job takes: a slot of a lane, one of its queue, resources
Taken = tuple[int, int | None, str]


class Share(NamedTuple):
    """What a queue may have of an engine."""

    #: of the slots, beside the weights of other queues that have jobs
    weight: int = 1
    #: jobs at once, in both lanes together; None: as many as there are slots
    limit: int | None = None


class Asked(NamedTuple):
    """A claim that is under way: for which queue, and the room it has in the loop's and the process lane."""

    queue: int
    room: tuple[int, int]


class Room:
    """Slots of the two lanes, 0 event loop and 1 process, an appetite per queue, and resources."""

    def __init__(
        self, slots: tuple[int, int], queues: int, most_claims: int, *,
        shares: Sequence[Share] = (), strict: bool = False, offers: Mapping[str, float] = resources.NOTHING,
    ) -> None:  # fmt: skip
        """Without `shares` all queues have the same; `strict`: a queue gets what those before it leave."""
        self._slots = slots
        self._busy = [0, 0]
        self._shares = tuple(shares) or (Share(),) * queues
        self._jobs = [0] * queues
        weights = [share.weight for share in self._shares]
        self._turns = (Turns(weights, strict=strict), Turns(weights, strict=strict))
        self._first_lane = 0
        self._offers = offers
        #: whether any of it is used up: of labels there is always enough
        self._is_used_up = any(not name.startswith(resources.LABEL) for name in offers)
        #: canonical text -> jobs under way that need so much
        self._needs: Counter[str] = Counter()
        #: claims that may still be made; negative: as many as come
        self._claims_left = most_claims
        #: per queue and lane: whether there may be more to claim; never for a lane that has no slots at all
        self._hungry = [self._appetite() for _ in range(queues)]
        self._asking = 0
        self._closed = False

    @property
    def is_hungry(self) -> bool:
        """Whether there may be more to claim."""
        return any(any(lanes) for lanes in self._hungry)

    @property
    def free(self) -> tuple[int, int]:
        """Jobs that could be begun, by lane."""
        return (0, 0) if self._closed else (self._free(0), self._free(1))

    @property
    def free_resources(self) -> Mapping[str, float]:
        """What is free of the resources that are offered."""
        taken = [resources.known(needs) for needs in self._needs.elements()] if self._is_used_up else []
        return resources.remaining(self._offers, taken) if taken else self._offers

    def has_room(self, queue: int) -> bool:
        """Whether a job of a queue could be begun."""
        return not self._closed and self._left(queue) > 0 and (self._free(0) > 0 or self._free(1) > 0)

    def is_waiting(self, queue: int) -> bool:
        """Whether a job of a queue could be begun, and none is known: only a call for it will tell."""
        hungry = self._hungry[queue]
        return self.has_room(queue) and any(self._free(lane) > 0 and not hungry[lane] for lane in (0, 1))

    def want(self, queue: int | None = None) -> None:
        """There may be more to claim in a queue, or in every one."""
        for number in range(len(self._hungry)) if queue is None else (queue,):
            self._hungry[number] = self._appetite()

    def add_queue(self) -> None:
        """There is another queue."""
        self._shares += (Share(),)
        self._jobs.append(0)
        for turns in self._turns:
            turns.add(1)
        self._hungry.append(self._appetite())

    def close(self) -> None:
        """Have room for nothing more."""
        self._closed = True

    def enter(self, lane: int, queue: int | None = None, needs: str = "") -> None:
        """A job was begun: of that queue, needing such resources."""
        self._busy[lane] += 1
        if queue is not None:
            self._jobs[queue] += 1
        if needs:
            self._needs[needs] += 1

    def leave(self, lane: int, queue: int | None = None, needs: str = "") -> None:
        """A job ended, or waits for others."""
        self._busy[lane] -= 1
        if queue is not None:
            if self._left(queue) <= 0:
                # calls for it were not heard while it was at its limit
                self.want(queue)
            self._jobs[queue] -= 1
        if needs:
            self._needs -= Counter((needs,))
            # what did not fit before may fit now
            self.want()

    def may_rest(self, lane: int, resting: int) -> bool:
        """Whether one more than so many jobs of a lane may wait for jobs of their own."""
        return resting < RESTING * self._slots[lane]

    def holds(self, taken: Taken, line: Sequence[Taken]) -> bool:
        """Whether there is what a job takes, which was entered and stands in this line for it, with others."""
        lane, queue, needs = taken
        if self._busy[lane] - sum(other[0] == lane for other in line) >= self._slots[lane]:
            return False
        if queue is not None and self._left(queue) + sum(other[1] == queue for other in line) <= 0:
            return False
        if not needs or not self._is_used_up:
            return True
        others = self._needs - Counter(other[2] for other in line)
        free = resources.remaining(self._offers, [resources.known(each) for each in others.elements()])
        return resources.fits(resources.known(needs), free)

    def ask(self) -> list[Asked]:
        """Keep room for claims in queues that may have jobs, to be made in one round trip; the next come after it."""
        if self._asking or self._closed:
            return []
        rooms = [[0, 0] for _ in self._hungry]
        for lane in (self._first_lane, 1 - self._first_lane):
            self._split(lane, rooms)
        asked = [Asked(queue, (room[0], room[1])) for queue, room in enumerate(rooms) if room != [0, 0]]
        if self._is_used_up:
            # two claims at once could each take the same resource
            for other in asked[1:]:
                self._give_back(other)
            asked = asked[:1]
        for one in asked:
            lanes = self._hungry[one.queue]
            self._hungry[one.queue] = [lanes[0] and not one.room[0], lanes[1] and not one.room[1]]
        self._asking = len(asked)
        # where a queue's own limit lets only one lane in, the other is first the next time
        self._first_lane = 1 - self._first_lane
        return asked

    def answered(self, asked: Asked, *, failed: bool) -> None:
        """Give up the room that was kept for a claim."""
        self._asking -= 1
        for lane in (0, 1):
            self._busy[lane] -= asked.room[lane]
        self._jobs[asked.queue] -= sum(asked.room)
        if failed:
            self._hungry[asked.queue] = self._appetite()
            for lane in (0, 1):
                self._turns[lane].give_back(asked.queue, asked.room[lane])

    def found(self, asked: Asked, found: tuple[int, int], claims: int) -> None:
        """Learn from a claim's answer: where it found as many jobs as it had room for there may be more."""
        if self._claims_left > 0:
            self._claims_left -= claims
        for lane in (0, 1):
            unused = asked.room[lane] - found[lane]
            if asked.room[lane] and unused <= 0:
                self._hungry[asked.queue][lane] = True
            elif unused > 0:
                self._turns[lane].give_back(asked.queue, unused)
                self._turns[lane].rest(asked.queue)

    def _split(self, lane: int, rooms: list[list[int]]) -> None:
        """Keep the free slots of a lane for the queues that may have jobs for it, each its share."""
        among = [queue for queue, lanes in enumerate(self._hungry) if lanes[lane] and self._left(queue) > 0]
        free = min(self._free(lane), BATCH)
        while free > 0 and among:
            if len(among) == 1:
                queue, slots = among[0], min(free, self._left(among[0]))
                self._turns[lane].take(queue, slots)
            else:
                queue, slots = self._turns[lane].next(among), 1
            rooms[queue][lane] += slots
            self._busy[lane] += slots
            self._jobs[queue] += slots
            free -= slots
            if self._left(queue) <= 0:
                among.remove(queue)

    def _give_back(self, asked: Asked) -> None:
        """Leave out a claim that was not made."""
        for lane in (0, 1):
            self._busy[lane] -= asked.room[lane]
            self._turns[lane].give_back(asked.queue, asked.room[lane])
        self._jobs[asked.queue] -= sum(asked.room)

    def _appetite(self) -> list[bool]:
        return [slots > 0 for slots in self._slots]

    def _left(self, queue: int) -> int:
        """How many more jobs of a queue its own limit allows; without one, more than there are slots."""
        limit = self._shares[queue].limit
        return BATCH if limit is None else limit - self._jobs[queue]

    def _free(self, lane: int) -> int:
        free = max(self._slots[lane] - self._busy[lane], 0)
        return free if self._claims_left < 0 else min(free, self._claims_left)
