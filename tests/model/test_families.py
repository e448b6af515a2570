"""Which family of process code wants, and what a process has loaded."""

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

from nbqueue.model import families


@pytest.mark.parametrize(
    ("signs", "family"),
    [
        ([], ""),
        (["numpy"], ""),
        (["ortools"], "ortools"),
        (["highspy"], "highspy"),
        (["cvxpy", "highspy"], "cvxpy"),
        (["pulp"], "highspy"),
        (["pyomo", "ortools"], "ortools"),
        (["ortools", "highspy"], "mixed"),
        (["ortools", "cvxpy"], "mixed"),
    ],
)
def test_code_is_of_the_family_that_it_names(signs: list[str], family: str) -> None:
    """What cannot be in one process is left to the code; what does without a library counts where it is alone."""
    assert families.declared(signs) == family


def test_the_name_of_a_module_is_looked_at_up_to_its_first_dot() -> None:
    """Packages that merely begin the same say nothing."""
    names = ["ortools.sat.python.cp_model", "pulp", "ortools_more", "os.path", ""]
    assert [families.sign(each) for each in names] == ["ortools", "pulp", "", "", ""]


def test_our_solvers_say_it_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their modules have a constant; one that names no family we know says nothing."""
    for name, family in {"one": "ortools", "two": "quantum", "three": None}.items():
        module = ModuleType(f"nbqueue.solvers._{name}")
        if family is not None:
            module.FAMILY = family  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert [families.sign(f"nbqueue.solvers._{name}") for name in ("one", "two", "three")] == ["ortools", "", ""]


@pytest.mark.parametrize(("name", "family"), [("cpsat", "ortools"), ("mathopt", "ortools"), ("highs", "highspy")])
def test_the_solvers_that_must_not_meet_say_what_they_load(name: str, family: str) -> None:
    """The real modules, which load nothing of it themselves; the others say nothing."""
    import_module(f"nbqueue.solvers.{name}")
    import_module("nbqueue.solvers.scip")
    found = [families.sign(f"nbqueue.solvers.{each}") for each in (name, "scip", "parameters")]
    assert found == [family, "", ""]


def test_companions_of_what_is_not_installed_are_of_no_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """PuLP and Pyomo do without highspy then, and need no process of their own."""
    monkeypatch.setitem(sys.modules, "highspy", None)
    assert [families.declared(each) for each in (["pulp"], ["pyomo", "pulp"], ["highspy"])] == ["", "", "highspy"]


def test_names_that_come_over_a_wire_are_checked() -> None:
    """What a newer client calls a family, and what is no name at all, is as good as none."""
    assert [families.known(each) for each in ("cvxpy", "mixed", "quantum", "", 7, None, ["ortools"])] == [
        "cvxpy", "mixed", "", "", "", "", "",
    ]  # fmt: skip


def test_a_package_counts_once_its_native_part_is_loaded() -> None:
    """Cvxpy imports the bare package of ortools, and other solvers go on well beside that."""
    bare = {name: ModuleType(name) for name in ("ortools", "ortools.init", "cvxpy", "highspy")}
    native = ModuleType("highspy._core")
    native.__file__ = "/x/highspy/_core.abi3.so"
    assert families.loaded(bare) == ("cvxpy",)
    assert families.loaded({**bare, native.__name__: native}) == ("cvxpy", "highspy")


def test_an_import_that_failed_for_another_library_is_known() -> None:
    """The real error of the real libraries, in a process of its own, in either order."""
    code = (
        "import sys\n"
        "from nbqueue.model import families\n"
        "from importlib import import_module\n"
        "import_module(sys.argv[1])\n"
        "try:\n    import_module(sys.argv[2])\n"
        "except ImportError as error:\n"
        "    other = ValueError()\n"
        "    other.__cause__, error.__cause__ = error, other\n"
        "    print(families.loaded(), families.unwelcome(error), families.unwelcome(other))\n"
        "print(repr(families.unwelcome(ImportError('x', path='/y/highspy/z.so')) if sys.argv[1] == 'os' else ''))\n"
    )
    pair = ("ortools.init.python.init", "highspy")
    said = [
        subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True).stdout
        for names in (pair, pair[::-1], ("os", "os"))
    ]
    assert said == ["('ortools',) highspy highspy\n''\n", "('highspy',) ortools ortools\n''\n", "''\n"]
