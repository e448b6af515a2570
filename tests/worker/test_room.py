"""How many jobs an engine has room for, where it asks for more, and how queues share it."""

from collections import Counter

import pytest

from nbqueue.worker.room import BATCH, Asked, Room, Share


def answer(room: Room, asked: Asked, found: tuple[int, int] = (0, 0)) -> None:
    """The claim found so many jobs; they are begun."""
    room.answered(asked, failed=False)
    room.found(asked, found, sum(found))
    for lane in (0, 1):
        for _ in range(found[lane]):
            room.enter(lane, asked.queue)


def test_a_claim_keeps_its_room_until_it_is_answered() -> None:
    """One claim is under way at a time; what it may bring is taken by nobody else meanwhile."""
    room = Room((3, 2), 1, -1)
    [asked] = room.ask()
    assert (asked, room.free, room.ask()) == (Asked(0, (3, 2)), (0, 0), [])
    room.answered(asked, failed=False)
    room.enter(1)
    assert room.free == (3, 1)
    room.leave(1)
    assert room.free == (3, 2)


def test_it_asks_again_where_there_may_be_more() -> None:
    """A lane that was filled may have more; one that was not is asked again only when there is a reason to."""
    room = Room((200, 2), 1, -1)
    [asked] = room.ask()
    assert asked == Asked(0, (BATCH, 2))
    room.answered(asked, failed=False)
    room.found(asked, (BATCH, 1), BATCH + 1)
    assert room.is_hungry
    [again] = room.ask()
    assert again == Asked(0, (BATCH, 0))
    room.answered(again, failed=False)
    room.found(again, (3, 0), 3)
    assert (room.is_hungry, room.ask()) == (False, [])
    room.want()
    assert room.ask() == [Asked(0, (BATCH, 2))]


def test_a_failed_claim_is_made_again() -> None:
    """Nobody knows what it would have brought."""
    room = Room((1, 0), 1, -1)
    [asked] = room.ask()
    room.answered(asked, failed=True)
    assert room.ask() == [Asked(0, (1, 0))]


def test_strict_queues_are_asked_in_their_order() -> None:
    """The next queue has its turn where the one before has no more."""
    room = Room((2, 0), 2, -1, strict=True)
    for queue in (0, 1):
        [asked] = room.ask()
        assert asked == Asked(queue, (2, 0))
        answer(room, asked)
    assert room.ask() == []


def test_claims_are_counted_where_only_some_may_be_made() -> None:
    """No more are asked for than are left."""
    room = Room((5, 0), 1, 3)
    [asked] = room.ask()
    assert asked == Asked(0, (3, 0))
    room.answered(asked, failed=False)
    room.found(asked, (3, 0), 3)
    assert (room.free, room.ask()) == ((0, 0), [])


def test_a_closed_room_takes_nothing() -> None:
    """Whatever there may be."""
    room = Room((5, 5), 1, -1)
    room.close()
    room.want()
    assert (room.free, room.ask(), room.has_room(0)) == ((0, 0), [], False)


def test_a_batch_is_dealt_out_by_weight() -> None:
    """Several queues are asked in one round trip, each for its share of the free slots."""
    room = Room((200, 4), 3, -1, shares=[Share(6), Share(3), Share(1)])
    assert Counter({asked.queue: asked.room[0] for asked in room.ask()}) == {0: 38, 1: 19, 2: 7}


@pytest.mark.parametrize("slots", [1, 3, 8, 64])
def test_shares_of_full_queues_are_as_their_weights(slots: int) -> None:
    """Whatever the number of slots, also where they become free one by one."""
    room = Room((slots, 0), 3, -1, shares=[Share(6), Share(3), Share(1)])
    handed: Counter[int] = Counter()
    running: list[int] = []
    while handed.total() < 1000:
        for asked in room.ask():
            handed[asked.queue] += asked.room[0]
            running += [asked.queue] * asked.room[0]
            answer(room, asked, asked.room)
        room.leave(0, running.pop(0))
    for queue, share in enumerate((0.6, 0.3, 0.1)):
        assert handed[queue] / handed.total() == pytest.approx(share, abs=0.02)


def test_the_share_of_an_idle_queue_goes_to_the_others() -> None:
    """What one queue does not use the others get by their weights; coming back, it has saved nothing up."""
    room = Room((10, 0), 3, -1, shares=[Share(6), Share(3), Share(1)])
    handed: Counter[int] = Counter()
    ever: Counter[int] = Counter()
    for step in range(300):
        room.want()
        back = step >= 200
        if step == 200:
            ever, handed = handed, Counter()
        while asked := room.ask():
            for one in asked:
                found = one.room if one.queue or back else (0, 0)
                handed[one.queue] += found[0]
                answer(room, one, found)
                for _ in range(found[0]):
                    room.leave(0, one.queue)
            if handed.total() >= 10 * (step % 200 + 1):
                break
    assert ever[0] == 0
    assert ever[1] / ever.total() == pytest.approx(0.75, abs=0.03)
    assert handed[0] / handed.total() == pytest.approx(0.6, abs=0.03)


def test_a_queue_has_its_own_limit() -> None:
    """At its limit a queue is not asked and has no room, in whichever lane its jobs are; the others go on."""
    room = Room((10, 2), 2, -1, shares=[Share(1, limit=1), Share()])
    first, second = room.ask()
    assert (first, second) == (Asked(0, (1, 0)), Asked(1, (9, 2)))
    answer(room, first, (1, 0))
    answer(room, second, (3, 1))
    assert (room.has_room(0), room.has_room(1)) == (False, True)
    room.want()
    assert [asked.queue for asked in room.ask()] == [1]


def test_a_limit_is_not_kept_by_one_lane() -> None:
    """Where both lanes have jobs and the queue's limit lets in one, they take turns."""
    room = Room((10, 2), 1, -1, shares=[Share(1, limit=1)])
    lanes = []
    for _ in range(4):
        [asked] = room.ask()
        lanes.append(asked.room)
        answer(room, asked, asked.room)
        room.leave(asked.room.index(1), 0)
    assert lanes == [(1, 0), (0, 1), (1, 0), (0, 1)]


def test_a_queue_at_its_limit_is_asked_again_when_a_job_ends() -> None:
    """Nobody listened to calls for it meanwhile, so there may be jobs in either lane."""
    room = Room((10, 2), 1, -1, shares=[Share(1, limit=1)])
    [asked] = room.ask()
    answer(room, asked)
    [asked] = room.ask()
    answer(room, asked, asked.room)
    room.leave(1, 0)
    assert room.ask() == [Asked(0, (1, 0))]


def test_a_queue_waits_for_a_call_where_it_has_room_and_knows_of_no_job() -> None:
    """Not while it is at its limit, nor while a claim for it is still to be made."""
    room = Room((10, 0), 1, -1, shares=[Share(1, limit=1)])
    assert not room.is_waiting(0)
    [asked] = room.ask()
    assert not room.is_waiting(0)
    answer(room, asked, (1, 0))
    assert not room.is_waiting(0)
    room.leave(0, 0)
    assert not room.is_waiting(0)
    [asked] = room.ask()
    answer(room, asked)
    assert room.is_waiting(0)


def test_resources_are_taken_and_given_back() -> None:
    """What a running job needs is not free; when it ends every queue is asked again."""
    room = Room((10, 0), 1, -1, offers={"gpu": 2, "memory_gb": 8})
    room.enter(0, 0, "gpu=1,memory_gb=2.5")
    room.enter(0, 0, "gpu=1")
    assert room.free_resources == {"gpu": 0, "memory_gb": 5.5}
    [asked] = room.ask()
    answer(room, asked)
    assert room.ask() == []
    room.leave(0, 0, "gpu=1")
    assert (room.free_resources, room.ask()) == ({"gpu": 1, "memory_gb": 5.5}, [Asked(0, (9, 0))])


def test_a_resource_is_offered_to_one_queue_at_a_time() -> None:
    """Two claims of one round trip could both take it; the other queue is asked next, and its share is kept."""
    room = Room((4, 0), 2, -1, offers={"gpu": 1})
    handed = []
    while asked := room.ask():
        handed += asked
        answer(room, asked[0], asked[0].room)
    assert handed == [Asked(0, (2, 0)), Asked(1, (2, 0))]


def test_needs_that_no_client_wrote_take_nothing() -> None:
    """Whatever stands there, the engine goes on."""
    room = Room((4, 0), 1, -1, offers={"gpu": 1})
    room.enter(0, 0, "\ud800gpu==1")
    assert room.free_resources == {"gpu": 1}
