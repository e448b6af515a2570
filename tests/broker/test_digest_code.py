"""Sameness of code: what it does counts, not where it stands."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from nbqueue.broker.digest import call_digest
from tests.broker.digests import code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def fn(x): return x + 1", "\n\n# why\ndef fn(x):\n\n    return x + 1"),
        ("def fn(x): return None", 'def fn(x):\n    """Says what."""\n    return None'),
        ("def fn():\n def g(): return 2\n return g", 'def fn():\n def g():\n  "Why."\n  return 2\n return g'),
        ("def fn():\n class A:\n  x = 1\n return A", 'def fn():\n\n class A:\n  "Why."\n  x = 1\n return A'),
        (
            "class A:\n def f(s): return 1\ndef fn(): return A()",
            'class A:\n "Why."\n\n def f(s): return 1\ndef fn(): return A()',
        ),
        ("def fn(x): return x in {'a', 'b'}", "def fn(x): return x in {'b', 'a'}"),
        ("def fn(x: int) -> int: return x", "def fn(x): return x"),
        ("unused = 1\ndef fn(): return 1", "unused = 2\ndef fn(): return 1"),
    ],
)  # fmt: skip
def test_places_and_texts_do_not_count(one: str, other: str) -> None:
    """Lines, comments, docstrings, annotations, and what the function does not refer to."""
    assert code(one) == code(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def fn(x): return x + 1", "def fn(x): return x + 2"),
        ("def fn(x): return x + 1", "def fn(x): return x + 1.0"),
        ("def fn(x): return x + 1", "def fn(x): return x + True"),
        ("def fn(x): return x + 1", "def fn(x): return x - 1"),
        ("def fn(x): return x + 1", "async def fn(x): return x + 1"),
        ("def fn(x): return x.a", "def fn(x): return x.b"),
        ("def fn(x=1): return x", "def fn(x=2): return x"),
        ("def fn(*, x=1): return x", "def fn(*, x=2): return x"),
        ("def fn(): return (1, 2)", "def fn(): return (1, 3)"),
        ("def fn():\n def g(): return 1\n return g", "def fn():\n def g(): return 2\n return g"),
        ("k = 1\ndef fn(): return k", "k = 2\ndef fn(): return k"),
        ("k = 1\ndef fn(): return lambda: k", "k = 2\ndef fn(): return lambda: k"),
        ("def g(): return 1\ndef fn(): return g()", "def g(): return 2\ndef fn(): return g()"),
        ("class A:\n x = 1\ndef fn(): return A", "class A:\n x = 2\ndef fn(): return A"),
        ("class A:\n def f(s): return 1\ndef fn(): return A", "class A:\n def f(s): return 2\ndef fn(): return A"),
        ("class B: pass\nclass A(B): pass\ndef fn(): return A", "class B: pass\nclass A: pass\ndef fn(): return A"),
        (
            "class A:\n @property\n def f(s): return 1\ndef fn(): return A",
            "class A:\n @property\n def f(s): return 2\ndef fn(): return A",
        ),
        (
            "import enum\nclass A(enum.Enum):\n X = 1\ndef fn(): return A",
            "import enum\nclass A(enum.Enum):\n X = 2\ndef fn(): return A",
        ),
        ("def m(k):\n def g(): return k\n return g\nfn = m(1)", "def m(k):\n def g(): return k\n return g\nfn = m(2)"),
        (
            "import functools\n@functools.lru_cache\ndef g(): return 1\ndef fn(): return g()",
            "import functools\n@functools.lru_cache\ndef g(): return 2\ndef fn(): return g()",
        ),
        (
            "def f(n): return fn(n)\ndef fn(n): return f(n) + 1",
            "def f(n): return fn(n) + 1\ndef fn(n): return f(n) + 1",
        ),
        ("from json import dumps as d\ndef fn(): return d", "from json import loads as d\ndef fn(): return d"),
    ],
)  # fmt: skip
def test_any_change_of_the_code_shows(one: str, other: str) -> None:
    """In the function, its defaults, what it closes over, and all that it refers to."""
    assert code(one) == code(one)
    assert code(one) != code(other)


def test_a_set_of_functions_that_know_the_set_has_a_digest() -> None:
    """A registry and its members may hold each other."""
    source = "all = set()\ndef f(): return all\ndef g(): return len(all)\nall |= {f, g}\ndef fn(): return all"
    assert code(source) == code(source)
    assert code(source) != code(source.replace("len(all)", "max(all)"))


def test_a_module_of_ones_own_goes_by_what_is_used_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit counts once it is loaded, and only of what the function means."""
    monkeypatch.syspath_prepend(tmp_path)

    def edited(text: str) -> types.ModuleType:
        sys.modules.pop("digest_plan", None)
        (tmp_path / "digest_plan.py").write_text(text, encoding="utf-8")
        found = types.ModuleType("digest_plan")
        found.__file__ = str(tmp_path / "digest_plan.py")
        exec(compile(text, found.__file__, "exec"), vars(found))
        monkeypatch.setitem(sys.modules, "digest_plan", found)
        return found

    def digests(text: str) -> tuple[str, str]:
        module = edited(text)
        return code("def fn(): return m.step(1)", m=module), call_digest(module.step, (1,), {})

    first = digests("def step(x): return x + K\ndef other(): return 1\nK = 1\n")
    assert digests("\n\nK = 1\ndef step(x): return x + K\ndef other(): return 2\n") == first
    edits = digests("def step(x): return x + K\nK = 2\n")
    assert (edits[0] != first[0], edits[1] != first[1]) == (True, True)


PROGRAM = """
import json, sys
from dataclasses import dataclass, field
from enum import Enum
from nbqueue.broker.digest import call_digest
import numpy as np, pandas as pd

class Colour(Enum):
    RED = "r"

@dataclass
class Plan:
    name: str
    tags: set = field(default_factory=lambda: {"x", "y", "z"})
    def run(self): return len(self.tags), Colour.RED

LOOKUP = {"plus": lambda a: a + 1, Colour.RED: {"a", "b", "c"}}

def even(n): return n == 0 or odd(n - 1)
def odd(n): return n != 0 and even(n - 1)

def solve(plan, *, names=frozenset({"p", "q", "r"})):
    return LOOKUP["plus"](1) if even(2) else np.mean(plan.run()), {"s", "t"}

frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
values = [{"a", "b", ("c", 1)}, {("k", 1): 1, "k": 2, 3: {4}}, Plan("p"), Plan("p").run, Plan, Colour.RED, frame]
print(json.dumps([call_digest(solve, values, {}), *(call_digest(even, [value], {}) for value in values)]))
"""


def test_other_processes_find_the_same() -> None:
    """Whatever the seed of the hashes, and after a restart of the kernel."""
    found = []
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            [sys.executable, "-c", "\n" * int(seed[0]) + PROGRAM], env=environment, capture_output=True, check=True
        )
        found.append(json.loads(ran.stdout))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == len(found[0])
