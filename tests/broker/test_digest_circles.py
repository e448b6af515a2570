"""Sameness of values that refer to themselves, or share their parts many times."""

import copy
from typing import Any

import pytest

from nbqueue.errors import NotSendable
from tests.broker.digests import of


def test_circles_have_an_end() -> None:
    """A list that holds itself has a digest, the same for one that was built in the same way."""

    def circle(value: int) -> list[Any]:
        found: list[Any] = [value]
        found.append({"self": found})
        return found

    assert of(circle(1)) == of(circle(1)) != of(circle(2))


def test_what_is_shared_many_times_is_walked_once() -> None:
    """Sixty lists that each hold the one before twice are a million million million parts, and still quick."""
    value = [1]
    for _ in range(60):
        value = [value, value]  # type: ignore[list-item]
    assert of(value) == of(copy.deepcopy(value))


class Node:
    """A node of a network; its class refers to itself."""

    def __init__(self, name: int) -> None:
        self.name, self.near = name, list["Node"]()

    def another(self) -> "Node":
        """One more."""
        return Node(self.name + 1)


def network(size: int, *extra: tuple[int, int]) -> list[Node]:
    """A network in which each node knows some others, and these it."""
    nodes = [Node(number) for number in range(size)]
    pairs = [*((one, other) for one in range(size) for other in (2 * one, 3 * one + 1) if other < size), *extra]
    for one, other in pairs:
        nodes[one].near.append(nodes[other])
        nodes[other].near.append(nodes[one])
    return nodes


def test_a_network_is_walked_once() -> None:
    """Nodes that all know one another in circles have more paths than can be walked."""
    found = network(60)
    assert of(found) == of(network(60)) == of(copy.deepcopy(found))
    assert len({of(found), of(network(60, (5, 7))), of(network(61)), of(found[::-1])}) == 4


def test_layers_of_objects_that_share_what_is_below_are_walked_once() -> None:
    """Also where their class refers to itself."""
    top = Node(0)
    for number in range(1, 60):
        above = Node(number)
        above.near = [top, top]
        top = above
    assert of(top) == of(copy.deepcopy(top))
    assert of([top, top]) == of([top, copy.deepcopy(top)])


def test_a_set_has_no_first_member_in_a_circle_either() -> None:
    """Whichever comes first when the set is walked."""

    def ring(order: list[int]) -> set[Node]:
        nodes = [Node(number) for number in range(3)]
        for number in range(3):
            nodes[number].near = [nodes[(number + 1) % 3]]
        return {nodes[number] for number in order}

    assert len({of(ring(order)) for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]) for _ in range(20)}) == 1


def test_circles_through_many_sets_are_refused() -> None:
    """There is no order in which to walk them, and all orders are too many."""
    nodes: list[Any] = [Node(number) for number in range(12)]
    for node in nodes:
        node.near = {other for other in nodes if other is not node}
    with pytest.raises(NotSendable, match="it lies in circles that go through sets, which have no order"):
        of(nodes)
