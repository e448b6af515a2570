"""How many jobs an engine has room for, and where it asks for more."""

from nbqueue.worker.room import BATCH, Asked, Room


def test_a_claim_keeps_its_room_until_it_is_answered() -> None:
    """One claim is under way at a time; what it may bring is taken by nobody else meanwhile."""
    room = Room((3, 2), 1, -1)
    asked = room.ask()
    assert (asked, room.free, room.ask()) == (Asked(0, (3, 2)), (0, 0), None)
    room.answered(asked, failed=False)
    room.enter(1)
    assert room.free == (3, 1)
    room.leave(1)
    assert room.free == (3, 2)


def test_it_asks_again_where_there_may_be_more() -> None:
    """A lane that was filled may have more; one that was not is asked again only when there is a reason to."""
    room = Room((200, 2), 1, -1)
    asked = room.ask()
    assert asked == Asked(0, (BATCH, 2))
    room.answered(asked, failed=False)
    room.found(asked, (BATCH, 1), BATCH + 1)
    assert room.is_hungry
    again = room.ask()
    assert again == Asked(0, (BATCH, 0))
    room.answered(again, failed=False)
    room.found(again, (3, 0), 3)
    assert (room.is_hungry, room.ask()) == (False, None)
    room.want()
    assert room.ask() == Asked(0, (BATCH, 2))


def test_a_failed_claim_is_made_again() -> None:
    """Nobody knows what it would have brought."""
    room = Room((1, 0), 1, -1)
    room.answered(room.ask(), failed=True)
    assert room.ask() == Asked(0, (1, 0))


def test_queues_are_asked_in_their_order() -> None:
    """The next queue has its turn where the one before has no more."""
    room = Room((2, 0), 2, -1)
    for queue in (0, 1):
        asked = room.ask()
        assert asked == Asked(queue, (2, 0))
        room.answered(asked, failed=False)
        room.found(asked, (0, 0), 0)
    assert room.ask() is None


def test_claims_are_counted_where_only_some_may_be_made() -> None:
    """No more are asked for than are left."""
    room = Room((5, 0), 1, 3)
    asked = room.ask()
    assert asked == Asked(0, (3, 0))
    room.answered(asked, failed=False)
    room.found(asked, (3, 0), 3)
    assert (room.free, room.ask()) == ((0, 0), None)


def test_a_closed_room_takes_nothing() -> None:
    """Whatever there may be."""
    room = Room((5, 5), 1, -1)
    room.close()
    room.want()
    assert (room.free, room.ask()) == ((0, 0), None)


def test_room_that_a_claim_keeps_is_room() -> None:
    """A call for work that comes while a claim is under way is not left to others: the claim may find nothing."""
    room = Room((1, 1), 1, -1)
    asked = room.ask()
    assert (room.free, room.has_any) == ((0, 0), True)
    room.answered(asked, failed=False)
    room.enter(0)
    room.enter(1)
    assert not room.has_any
    assert room.rest(1)
    assert room.has_any
    room.close()
    assert not room.has_any
