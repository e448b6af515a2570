"""The picture of a graph: where its boxes stand, and what is drawn."""

import itertools
from collections import defaultdict
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from nbqueue.client.graph import Graph, Node
from nbqueue.display import palette
from nbqueue.model.states import State
from nbqueue.notebook.layers import arrange
from nbqueue.notebook.picture import svg

NAMES = [f"n{number}" for number in range(12)]
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda edge: edge[0] != edge[1]))


def graph(*edges: tuple[str, str], **changes: object) -> Graph:
    """A graph of succeeded jobs."""
    names = dict.fromkeys(itertools.chain(*edges))
    given: dict[str, object] = {"nodes": tuple(Node(id=name, label=name, state=State.SUCCEEDED) for name in names)}
    return Graph(edges=edges, **(given | changes))  # type: ignore[arg-type]


@given(EDGES)
def test_children_stand_to_the_right(edges: list[tuple[str, str]]) -> None:
    """In a graph without circles, and in none do two boxes of a column overlap."""
    forward = [(min(edge), max(edge)) for edge in edges]
    layout = arrange(sorted(NAMES), forward)
    assert all(layout.places[parent][0] < layout.places[child][0] for parent, child in forward)
    assert all([column for column, _ in route] == list(range(route[0][0], route[-1][0] + 1))
               for route in layout.routes.values())  # fmt: skip
    _check(arrange(NAMES, forward))
    _check(arrange(NAMES, edges))


def _check(layout: object) -> None:
    """No overlaps, and everything within the picture."""
    rows = defaultdict(list)
    for column, row in layout.places.values():  # type: ignore[attr-defined]
        rows[column].append(row)
    for found in rows.values():
        found.sort()
        assert all(lower - upper > 0.999 for upper, lower in itertools.pairwise(found))
        assert found[0] > -0.001
        assert found[-1] <= layout.rows - 0.999  # type: ignore[attr-defined]
    assert max(rows) < layout.columns  # type: ignore[attr-defined]


def test_a_long_line_goes_round_the_boxes_between() -> None:
    """It has a row of its own in each column that it passes."""
    layout = arrange(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    (_, above), (_, passed) = layout.places["b"], layout.routes["a", "c"][1]
    assert abs(above - passed) >= 0.999


def test_a_graph_of_very_many_lines_is_drawn_in_bounds() -> None:
    """Each of 500 jobs takes from all before it: lines are left out, and the picture says so."""
    names = [f"{number:03}" for number in range(500)]
    drawn = svg(graph(*itertools.combinations(names, 2)))
    assert "3,000 of 124,750 lines are drawn." in drawn
    assert len(drawn) < 2_000_000


def test_nothing_is_drawn_of_nothing() -> None:
    """A graph without jobs is an empty picture, not an error."""
    assert ET.fromstring(svg(Graph(nodes=(), edges=()))).tag.endswith("svg")


def test_whatever_a_label_holds_is_text() -> None:
    """Markup, quotes and control characters change nothing of the picture."""
    evil = "</text><script>alert(1)</script>\x00\x1b]]>&'\""
    nodes = (Node(id="a", label=evil, state=State.FAILED), Node(id="b"))
    drawn = svg(Graph(nodes=nodes, edges=(("a", "b"),)))
    kinds = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
    assert kinds == {"svg", "title", "path", "g", "rect", "text"}
    assert "\x00" not in drawn


def test_each_state_has_its_look() -> None:
    """Colour, glyph and word of the palette, never colour alone; the job asked about has a thicker frame."""
    nodes = tuple(Node(id=state.value, label="f", state=state) for state in State)
    drawn = svg(Graph(nodes=nodes, edges=(), around=("failed",)))
    for look in palette.STATES.values():
        assert {f'stroke="{look.colour}"' in drawn, look.glyph in drawn, f"{look.word} ·" in drawn} == {True}
    assert drawn.count('stroke-width="3"') == 1


def test_many_that_are_alike_are_one_box() -> None:
    """Jobs of one group with the same neighbours are counted by how they ended, what went wrong first."""
    members = tuple(
        Node(id=f"m{n}", label="try", state=State.FAILED if n == 3 else State.SUCCEEDED, group="g") for n in range(40)
    )
    ends = (Node(id="a", label="load", state=State.SUCCEEDED), Node(id="z", label="report", state=State.QUEUED))
    edges = tuple(edge for node in members for edge in (("a", node.id), (node.id, "z")))
    drawn = svg(Graph(nodes=(*members, *ends), edges=edges, cut=True))
    assert "40 jobs of try: 1 failed, 39 succeeded" in drawn
    assert drawn.count("<g>") == 3
    assert "There are more" in drawn


def test_a_notebook_shows_the_picture() -> None:
    """As SVG and as HTML; the text says the same."""
    shown = graph(("a", "b"))
    assert shown._repr_svg_() == svg(shown)
    assert svg(shown) in str(shown._repr_html_())
