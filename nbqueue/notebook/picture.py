"""The picture of a graph of jobs: boxes in columns, from those that give results to those that take them, as SVG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from nbqueue.client.graph import Graph, Node
from nbqueue.display.palette import GREEN, UNKNOWN, VERMILION, Look, look
from nbqueue.notebook.layers import Edge, Layout, arrange

#: a box, and from one to the next, in pixels
WIDTH, HEIGHT, COLUMN, ROW, MARGIN = 196, 40, 256, 52, 12
#: characters of a label that fit
LABEL = 21
#: lines that are drawn at most
LINES = 3_000
#: so many jobs of one group with the same neighbours are one box
FOLDED_FROM = 7
#: right on light and dark alike: boxes bring their own ground, lines are between both
INK, FAINT, GROUND, LINE = "#1f2328", "#59636e", "#ffffff", "#8c959f"
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What is drawn of a job, or of many that are alike."""

    name: str
    label: str
    below: str
    look: Look
    #: whether it was asked about
    asked: bool
    #: what is told of it in full
    title: str
    many: bool = False


def svg(graph: Graph) -> str:
    """The whole picture."""
    boxes, edges = _boxes(graph)
    layout = arrange(list(boxes), edges)
    width = max(layout.columns - 1, 0) * COLUMN + WIDTH + 2 * MARGIN
    told = _told(graph, len(edges))
    height = max(layout.rows - 1, 0) * ROW + HEIGHT + 2 * MARGIN + (18 if told else 0)
    parts = [_line(layout, edge) for edge in edges[:LINES]]
    parts += [_box(boxes[name], *_corner(place)) for name, place in layout.places.items()]
    if told:
        parts.append(f'<text x="{MARGIN}" y="{height - 6:.0f}" font-size="12" fill="{LINE}">{told}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
        f'viewBox="0 0 {width} {height:.0f}" role="img" style="{_FONT}"><title>{escape(graph.summary)}</title>'
        f"{''.join(parts)}</svg>"
    )


def _told(graph: Graph, lines: int) -> str:
    """What the picture leaves out."""
    more = [graph.summary.partition(". ")[2]] if graph.cut else []
    more += [f"{LINES:,} of {lines:,} lines are drawn."] if lines > LINES else []
    return escape(" ".join(more))


def _boxes(graph: Graph) -> tuple[dict[str, Box], list[Edge]]:
    """What is drawn: each job a box, but those of a group that are alike in place a single one."""
    into: dict[str, str] = {}
    for members in _alike(graph).values():
        if len(members) >= FOLDED_FROM:
            into.update({node.id: members[0].id for node in members})
    boxes: dict[str, Box] = {}
    for node in graph.nodes:
        if node.id not in into:
            boxes[node.id] = _single(node, asked=node.id in graph.around)
        elif into[node.id] == node.id:
            boxes[node.id] = _folded([each for each in graph.nodes if into.get(each.id) == node.id], graph)
    edges = {(into.get(parent, parent), into.get(child, child)): None for parent, child in graph.edges}
    return boxes, list(edges)


def _alike(graph: Graph) -> Mapping[object, list[Node]]:
    """The jobs of each group that have the same parents and the same children."""
    joined: dict[str, list[Edge]] = defaultdict(list)
    for parent, child in graph.edges:
        joined[parent].append(("to", child))
        joined[child].append(("from", parent))
    found: dict[object, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.group:
            found[node.group, frozenset(joined[node.id])].append(node)
    return found


def _look(node: Node) -> Look:
    return UNKNOWN if node.state is None else look(node.state, node.reason)


def _single(node: Node, *, asked: bool) -> Box:
    seen = _look(node)
    words = node.words if node.state is not None else seen.word
    return Box(
        name=node.id, label=node.label or node.id, below=f"{words} · {node.id[:8]}", look=seen, asked=asked,
        title=f"{node.label} ({node.id}): {words}" if node.label else f"{node.id}: {words}", many=node.count > 1,
    )  # fmt: skip


def _folded(members: list[Node], graph: Graph) -> Box:
    """One box for many: it counts them by how they look, what went wrong first and what went well last."""
    counts: dict[Look, int] = defaultdict(int)
    for node in members:
        counts[_look(node)] += 1
    ranked = sorted(counts, key=lambda each: (each.colour != VERMILION, each.colour == GREEN, -counts[each]))
    told = ", ".join(f"{counts[each]:,} {each.word}" for each in ranked)
    name = members[0].label
    return Box(
        name=members[0].id, label=f"{len(members):,} \u00d7 {name}", below=told, look=ranked[0],
        asked=any(node.id in graph.around for node in members), title=f"{len(members):,} jobs of {name}: {told}",
        many=True,
    )  # fmt: skip


def _corner(place: tuple[int, float]) -> tuple[float, float]:
    column, row = place
    return MARGIN + column * COLUMN, MARGIN + row * ROW


def _line(layout: Layout, edge: Edge) -> str:
    """A curve from the right side of one box to the left side of another, straight where it passes others."""
    points = [_corner(place) for place in layout.routes[edge]]
    x, y = points[0][0] + WIDTH, points[0][1] + HEIGHT / 2
    path = f"M{x:.0f},{y:.1f}"
    for number, (left, top) in enumerate(points[1:], 1):
        middle, half = top + HEIGHT / 2, (left - x) / 2
        path += f" C{x + half:.0f},{y:.1f} {left - half:.0f},{middle:.1f} {left:.0f},{middle:.1f}"
        x, y = left, middle
        if number < len(points) - 1:
            x = left + WIDTH
            path += f" L{x:.0f},{y:.1f}"
    head = f'<path d="M{x - 1:.0f},{y:.1f} l-7,-4 v8 z" fill="{LINE}"/>'
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5"/>{head}'


def _box(box: Box, x: float, y: float) -> str:
    colour = box.look.colour
    shape = f'width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{GROUND}" stroke="{colour}"'
    behind = f'<rect x="{x + 4:.0f}" y="{y + 4:.1f}" {shape} stroke-width="1"/>' if box.many else ""
    return (
        f"<g><title>{escape(_sound(box.title))}</title>{behind}"
        f'<rect x="{x:.0f}" y="{y:.1f}" {shape} stroke-width="{3 if box.asked else 1.5}"/>'
        f'<text x="{x + 15:.0f}" y="{y + 25:.1f}" font-size="15" font-weight="bold" text-anchor="middle" '
        f'fill="{colour}">{box.look.glyph}</text>'
        # what a wide font makes too long is cut off at the edge of the inner picture
        f'<svg x="{x + 29:.0f}" y="{y:.1f}" width="{WIDTH - 34}" height="{HEIGHT}">'
        f'<text y="17" font-size="12.5" font-weight="600" fill="{INK}">{escape(_short(box.label, LABEL))}</text>'
        f'<text y="32" font-size="11" fill="{FAINT}">{escape(_short(box.below, LABEL + 5))}</text></svg></g>'
    )


def _short(text: str, limit: int) -> str:
    """The text where it fits, else its beginning."""
    sound = _sound(text)
    return sound if len(sound) <= limit else sound[: limit - 1] + "…"


def _sound(text: str) -> str:
    """The text without what XML cannot hold."""
    return "".join(each if each.isprintable() else "?" for each in text)
