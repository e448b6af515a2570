"""Where the boxes of a graph stand: columns by longest path, few crossings, lines that go round boxes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[str, str]
#: what a node is joined to on its left and on its right
Sides = tuple[list[str], list[str]]
#: places beside boxes that lines are led through; where it would take more, long lines go straight
DETOURS = 3_000
#: how often the columns are put in order
SWEEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Places in rows and columns, which may be fractions of a row."""

    #: (column, row) of each node
    places: Mapping[str, tuple[int, float]]
    #: for each edge the places it runs through, its ends included
    routes: Mapping[Edge, tuple[tuple[int, float], ...]]
    columns: int
    #: how many rows are taken
    rows: float


def arrange(nodes: Sequence[str], edges: Iterable[Edge]) -> Layout:
    """The layout of a graph; what closes a circle is drawn backwards."""
    wanted = list(dict.fromkeys(edges))
    columns = _columns(nodes, wanted)
    straight = sum(max(columns[child] - columns[parent] - 1, 0) for parent, child in wanted) > DETOURS
    chains = {edge: list(edge) if straight else _chain(edge, columns) for edge in wanted}
    cells: dict[int, list[str]] = {}
    for node in [*nodes, *(step for chain in chains.values() for step in chain[1:-1])]:
        cells.setdefault(columns[node], []).append(node)
    neighbours = _neighbours(chains.values())
    _order(cells, neighbours)
    rows = _rows(cells, neighbours)
    lowest = min(rows.values(), default=0.0)
    places = {node: (columns[node], row - lowest) for node, row in rows.items()}
    return Layout(
        places={node: places[node] for node in nodes},
        routes={edge: tuple(places[step] for step in chain) for edge, chain in chains.items()},
        columns=max(columns.values(), default=-1) + 1,
        rows=max((row for _, row in places.values()), default=-1.0) + 1,
    )


def _columns(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The length of the longest path to each node. In a circle the node that came first begins it."""
    below: dict[str, list[str]] = {node: [] for node in nodes}
    missing = dict.fromkeys(nodes, 0)
    for parent, child in edges:
        below[parent].append(child)
        missing[child] += 1
    columns: dict[str, int] = dict.fromkeys(nodes, 0)
    ready, done = [node for node in nodes if not missing[node]], set[str]()
    left = dict.fromkeys(nodes)
    while left:
        node = ready.pop() if ready else next(iter(left))
        if node in done:
            continue
        done.add(node)
        del left[node]
        for child in below[node]:
            if child in done:
                continue
            columns[child] = max(columns[child], columns[node] + 1)
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return columns


def _chain(edge: Edge, columns: dict[str, int]) -> list[str]:
    """The ends of an edge, and a place in each column between them."""
    parent, child = edge
    between = range(columns[parent] + 1, columns[child])
    steps = [f"{parent}\0{child}\0{column}" for column in between]
    columns.update(zip(steps, between, strict=True))
    return [parent, *steps, child]


def _neighbours(chains: Iterable[Sequence[str]]) -> dict[str, Sides]:
    """What is joined to each node on its left and on its right."""
    found: dict[str, Sides] = {}
    for chain in chains:
        for left, right in pairwise(chain):
            found.setdefault(left, ([], []))[1].append(right)
            found.setdefault(right, ([], []))[0].append(left)
    return found


def _order(cells: dict[int, list[str]], neighbours: Mapping[str, Sides]) -> None:
    """Put each column in the order of the middle of its neighbours, from the left and from the right in turn."""
    for sweep in range(SWEEPS):
        side = sweep % 2
        for column in sorted(cells, reverse=bool(side)):
            at = {node: row for row, node in enumerate(cells.get(column - 1 + 2 * side, []))}
            middles = {}
            for row, node in enumerate(cells[column]):
                joined = [at[each] for each in neighbours.get(node, ([], []))[side] if each in at]
                middles[node] = sum(joined) / len(joined) if joined else row
            cells[column].sort(key=middles.__getitem__)


def _rows(cells: Mapping[int, list[str]], neighbours: Mapping[str, Sides]) -> dict[str, float]:
    """Rows that are near those of the neighbours, at least one apart in a column."""
    tallest = max(map(len, cells.values()), default=0)
    rows = {node: (tallest - len(column)) / 2 + place for column in cells.values() for place, node in enumerate(column)}
    for sweep in range(SWEEPS):
        for column in sorted(cells, reverse=bool(sweep % 2)):
            wanted = []
            for node in cells[column]:
                left, right = neighbours.get(node, ([], []))
                joined = [rows[each] for each in (*left, *right)]
                wanted.append(sum(joined) / len(joined) if joined else rows[node])
            rows.update(zip(cells[column], _apart(wanted), strict=True))
    return rows


def _apart(wanted: Sequence[float]) -> list[float]:
    """The nearest places in the same order that are one apart: neighbours that press share the way they move."""
    blocks: list[tuple[float, int]] = []  # where the first of so many in a row stands
    for place in wanted:
        first, count = place, 1
        while blocks and blocks[-1][0] + blocks[-1][1] > first:
            before, its_count = blocks.pop()
            first = (before * its_count + (first - its_count) * count) / (its_count + count)
            count += its_count
        blocks.append((first, count))
    return [first + number for first, count in blocks for number in range(count)]
