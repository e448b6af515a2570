"""Reducers that installed packages bring: found by the module of a thing's type, imported when such a thing is met."""

import subprocess
import sys
from pathlib import Path

import pytest

#: a library whose things cannot be pickled, and a package that says how they travel
FILES = {
    "gears.py": """
class Gear:
    def __init__(self, teeth):
        self.teeth = teeth

    def __reduce_ex__(self, protocol):
        raise TypeError("a gear cannot be pickled")
""",
    "gears_travel.py": """
import gears


def reduce(thing):
    return (gears.Gear, (thing.teeth,)) if isinstance(thing, gears.Gear) else NotImplemented
""",
    "gears-1.0.dist-info/METADATA": "Metadata-Version: 2.4\nName: gears\nVersion: 1.0\n",
    "gears-1.0.dist-info/entry_points.txt": "[nbqueue.reducers]\ngears = gears_travel:reduce\n",
    "broken-1.0.dist-info/METADATA": "Metadata-Version: 2.4\nName: broken\nVersion: 1.0\n",
    "broken-1.0.dist-info/entry_points.txt": "[nbqueue.reducers]\nfractal = not_there:reduce\n",
    "fractal.py": "class Leaf:\n    pass\n",
}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with these packages, as an installer leaves them."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def ran(installed: Path, code: str) -> str:
    """What a fresh Python prints that has them."""
    environment = {"PYTHONPATH": f"{installed}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_things_travel_as_their_package_says(installed: Path) -> None:
    """By themselves, in containers, in closures, of a class derived from theirs, and for digests."""
    code = """
import gears, sys
from nbqueue.broker import codec, digest
class Own(gears.Gear):
    pass
gear = gears.Gear(7)
assert "gears_travel" not in sys.modules
there, [same], teeth = codec.load_value(codec.dump_value((gear, [gear], lambda: gear.teeth)))
print(there.teeth, there is same, teeth(), type(codec.load_value(codec.dump_value(Own(9)))).__name__)
first, again, other = (digest.call_digest("f", [gears.Gear(teeth)], {}) for teeth in (7, 7, 8))
print(first == again, first == other)
"""
    assert ran(installed, code).splitlines() == ["7 True 7 Gear", "True False"]


def test_a_package_is_imported_for_its_own_things_alone(installed: Path) -> None:
    """Values of other types never lead to it."""
    code = """
import datetime, sys
from nbqueue.broker import codec
class Local:
    pass
codec.dump_value([Local(), datetime.datetime.now(), lambda: 3])
print("gears_travel" in sys.modules)
"""
    assert ran(installed, code) == "False"


def test_a_reducer_that_cannot_be_loaded_changes_nothing(installed: Path) -> None:
    """Things pickle as they can, and the log names the package at fault."""
    code = """
import fractal, logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from nbqueue.broker import codec
print(type(codec.load_value(codec.dump_value(fractal.Leaf()))).__name__)
"""
    said = ran(installed, code).splitlines()
    assert said[0] == "The reducer of not_there:reduce for things of fractal cannot be loaded."
    assert said[-1] == "Leaf"
