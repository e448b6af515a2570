"""`job.graph()`: the jobs that give their results to one another, as a value that can be drawn or printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbqueue.broker.kin import Kin, kin
from nbqueue.client import hooks
from nbqueue.client.link import Link
from nbqueue.model.states import State, WaitReason

#: jobs that a graph holds at most
MOST = 500
#: jobs that are asked about in one round trip
BATCH = 100
#: what stands for another meaning in Mermaid's texts
_SPECIAL = frozenset("\"'`<>&#;[](){}|\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A job (or a group that others wait for as one)."""

    id: str
    label: str = ""
    #: None: the server no longer knows it
    state: State | None = None
    reason: WaitReason | None = None
    #: the group it is a member of
    group: str = ""
    #: of a group: how many jobs it has
    count: int = 1

    @property
    def words(self) -> str:
        """Its state in words."""
        return str(self.reason or self.state or "unknown").replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Graph:
    """Jobs and who takes from whom. At the end of a cell it is drawn; `str()` gives a tree, `mermaid()` a diagram."""

    nodes: tuple[Node, ...]
    #: (parent, child) by their ids
    edges: tuple[tuple[str, str], ...]
    #: the jobs that were asked about
    around: tuple[str, ...] = ()
    #: whether there is more than it holds
    cut: bool = False

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart, one class a state."""
        names = {node.id: f"n{number}" for number, node in enumerate(self.nodes)}
        lines = ["graph LR"]
        for node in self.nodes:
            text = f"{_escaped(node.label or node.id)}<br>{_escaped(node.words)}"
            lines.append(f'    {names[node.id]}["{text}"]:::{node.state or "unknown"}')
        lines += [f"    {names[parent]} --> {names[child]}" for parent, child in self.edges]
        return "\n".join(lines)

    @property
    def summary(self) -> str:
        """How many jobs in which state, in a line; says where there are more."""
        counts = Counter(node.words for node in self.nodes)
        jobs = f"{len(self.nodes):,} job{'' if len(self.nodes) == 1 else 's'}"
        told = ", ".join(f"{count:,} {words}" for words, count in counts.most_common())
        more = f" There are more: only the {MOST:,} nearest are shown." if self.cut else ""
        return f"{jobs}: {told}.{more}" if self.nodes else "no jobs"

    def __str__(self) -> str:
        return "\n".join([self.summary, *_tree(self)])

    def __repr__(self) -> str:
        return f"<Graph of {self.summary.rstrip('.')}>"

    def _repr_svg_(self) -> str | None:
        return None if hooks.drawing is None else hooks.drawing(self)

    def _repr_html_(self) -> str | None:
        drawn = self._repr_svg_()
        return None if drawn is None else f'<div style="overflow:auto;max-height:40em">{drawn}</div>'


async def read(link: Link, ids: Sequence[str]) -> Graph:
    """The graph around some jobs, the nearest first."""
    waiting: list[str] = list(dict.fromkeys(each for each in ids if each))
    met, found, cut = set(waiting), dict[str, Kin](), False
    while waiting:
        room = MOST - len(found)
        batch, waiting = waiting[: min(room, BATCH)], waiting[min(room, BATCH) :]
        if not batch:
            cut = True
            break
        for each in await link.wire.ask(lambda client: kin(client, link.wire.keys, batch, most=MOST + 1)):  # noqa: B023
            found[each.id] = each
            new = [name for name in (*each.parents, *each.children, each.group) if name and name not in met]
            met.update(new)
            waiting += new
    return _graph(found, tuple(ids), cut=cut)


def _graph(found: dict[str, Kin], around: tuple[str, ...], *, cut: bool) -> Graph:
    edges: dict[tuple[str, str], None] = {}
    groups = {each.group for each in found.values()}
    # of a group the name alone is no part of the graph: others have to wait for it as one
    found = {name: each for name, each in found.items() if each.children or name not in groups}
    for each in found.values():
        edges.update(dict.fromkeys((parent, each.id) for parent in each.parents))
        edges.update(dict.fromkeys((each.id, child) for child in each.children))
        if each.group in found:
            edges[each.id, each.group] = None
    nodes = [
        Node(id=each.id, label=each.label, state=each.state, reason=each.reason, group=each.group, count=each.count)
        for each in found.values()
    ]
    kept = tuple((parent, child) for parent, child in edges if {parent, child} <= found.keys() and parent != child)
    return Graph(nodes=tuple(nodes), edges=kept, around=around, cut=cut)


def _tree(graph: Graph) -> Iterator[str]:
    """A line a job, indented below the first of those it comes after; where it comes up again, it is only named."""
    nodes = {node.id: node for node in graph.nodes}
    below: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for parent, child in graph.edges:
        below[parent].append(child)
    children = {child for _, child in graph.edges}
    told: set[str] = set()
    # what is left after the tops is a circle, which no script of ours writes
    for top in (*(name for name in nodes if name not in children), *nodes):
        waiting = [] if top in told else [(top, 0)]
        while waiting:
            name, depth = waiting.pop()
            node, again = nodes[name], name in told
            title = f"{node.label} ({name})" if node.label else name
            yield f"{'  ' * depth}{title}: {'see above' if again else node.words}"
            if not again:
                told.add(name)
                waiting += [(child, depth + 1) for child in reversed(below[name])]


def _escaped(text: str) -> str:
    return "".join(f"#{ord(each)};" if each in _SPECIAL or not each.isprintable() else each for each in text)
