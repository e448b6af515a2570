"""Slots are given back by jobs that wait for jobs of their own, and taken again in turn."""

from nbqueue.worker.room import RESTING, Room, Share
from nbqueue.worker.slots import Slots

LOOP, PROCESS = (0, 0, ""), (1, 0, "")


def opened(process_slots: int = 1) -> tuple[Room, Slots]:
    """A room with one slot for coroutines, and the slots in it."""
    room = Room((1, process_slots), 1, -1)
    return room, Slots(room)


async def test_a_job_at_rest_holds_no_slot() -> None:
    """While it waits another may begin; it comes back at once where there is room."""
    room, slots = opened()
    slots.enter(("a", 1), PROCESS)
    assert room.free == (1, 0)
    assert slots.rest(("a", 1))
    assert (room.free, len(slots)) == ((1, 1), 1)
    assert slots.back(("a", 1)).done()
    assert room.free == (1, 0)


async def test_who_comes_back_waits_for_a_slot_and_nothing_new_gets_it() -> None:
    """A job that wants to go on keeps the next slot for itself, before any claim."""
    room, slots = opened()
    slots.enter(("a", 1), PROCESS)
    slots.rest(("a", 1))
    slots.enter(("b", 1), PROCESS)
    granted = slots.back(("a", 1))
    assert not granted.done()
    slots.leave(("b", 1))
    assert granted.done()
    assert room.free == (1, 0)
    slots.leave(("a", 1))
    assert (room.free, len(slots)) == ((1, 1), 0)


async def test_slots_are_given_in_turn() -> None:
    """The first that wants to go on is the first to do so."""
    _, slots = opened()
    for name in "abc":
        slots.enter((name, 1), PROCESS)
        slots.rest((name, 1))
    granted = [slots.back((name, 1)) for name in "bca"]
    assert [each.done() for each in granted] == [True, False, False]
    slots.leave(("b", 1))
    assert [each.done() for each in granted] == [True, True, False]


async def test_a_claim_under_way_keeps_its_room() -> None:
    """A slot that a claim may need is given only when the claim was answered."""
    room, slots = opened()
    slots.enter(("a", 1), PROCESS)
    slots.rest(("a", 1))
    [asked] = room.ask()
    granted = slots.back(("a", 1))
    assert not granted.done()
    room.answered(asked, failed=False)
    slots.give()
    assert granted.done()


async def test_what_ends_or_rests_again_leaves_the_line() -> None:
    """Nobody behind it waits for a job that needs no slot any more."""
    room, slots = opened()
    for name in "abc":
        slots.enter((name, 1), PROCESS)
        slots.rest((name, 1))
    first, second, third = (slots.back((name, 1)) for name in "abc")
    assert slots.rest(("b", 1))
    assert second.done()
    assert not third.done()
    slots.leave(("a", 1))
    assert (first.done(), third.done()) == (True, True)
    slots.leave(("b", 1))
    slots.leave(("c", 1))
    assert (room.free, len(slots)) == ((1, 1), 0)


async def test_so_many_may_rest_and_no_more() -> None:
    """The bound is per lane; a job that was refused goes on holding its slot."""
    room, slots = opened()
    for number in range(RESTING):
        slots.enter(("job", number), PROCESS)
        assert slots.rest(("job", number))
    slots.enter(("one more", 1), PROCESS)
    assert not slots.rest(("one more", 1))
    assert room.free == (1, 0)
    slots.enter(("coroutine", 1), LOOP)
    assert slots.rest(("coroutine", 1))


async def test_resting_twice_is_resting_once() -> None:
    """A job that is told twice, or was never begun here, changes nothing."""
    room, slots = opened()
    slots.enter(("a", 1), PROCESS)
    assert slots.rest(("a", 1))
    assert slots.rest(("a", 1))
    assert slots.rest(("unknown", 1))
    assert slots.back(("unknown", 1)).done()
    assert room.free == (1, 1)


async def test_what_else_a_job_takes_is_given_back_too() -> None:
    """A place of its queue and resources: its own jobs may need the same; it goes on when all of it is there again."""
    room = Room((5, 5), 1, -1, shares=[Share(1, limit=1)], offers={"gpu": 1})
    slots = Slots(room)
    taken = (1, 0, "gpu=1")
    slots.enter(("a", 1), taken)
    assert (room.has_room(0), room.free_resources) == (False, {"gpu": 0.0})
    slots.rest(("a", 1))
    assert (room.has_room(0), room.free_resources) == (True, {"gpu": 1.0})
    slots.enter(("b", 1), taken)
    granted = slots.back(("a", 1))
    assert not granted.done()
    slots.leave(("b", 1))
    assert granted.done()
    assert (room.has_room(0), room.free_resources) == (False, {"gpu": 0.0})
    slots.leave(("a", 1))
    assert (room.has_room(0), room.free_resources) == (True, {"gpu": 1.0})


async def test_who_needs_more_does_not_keep_others_from_going_on() -> None:
    """Of those that stand in line, each goes on as soon as there is what it takes."""
    room = Room((5, 5), 1, -1, offers={"gpu": 1})
    slots = Slots(room)
    for name, needs in (("a", "gpu=1"), ("b", "")):
        slots.enter((name, 1), (1, 0, needs))
        slots.rest((name, 1))
    slots.enter(("c", 1), (1, 0, "gpu=1"))
    assert [slots.back((name, 1)).done() for name in "ab"] == [False, True]
