"""What is said where a package is missing."""

import sys
from pathlib import Path

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import optimize, run_notebook
from nbqueue.evaluators.extras import load


@pytest.mark.parametrize("module", ["nbformat", "papermill"])
def test_a_missing_package_of_notebooks_is_named_with_its_extra(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what needs it and how to get it."""
    from nbformat.v4 import new_code_cell, new_notebook

    node = new_notebook(cells=[new_code_cell("x = 1", metadata={"tags": ["parameters"]})])
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as refused:
        run_notebook(node, {"x": 2})
    assert str(refused.value) == f"run_notebook needs {module}: pip install 'nbqueue[notebooks]'."


def test_optuna_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for studies."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigurationError) as refused:
        optimize(None, lambda _: 0, 1)
    assert str(refused.value) == "optimize needs optuna: pip install 'nbqueue[evaluation]'."


def test_a_library_that_lacks_something_itself_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is there, and cannot be imported, raises its own error."""
    (tmp_path / "halfway.py").write_text("import not_there_at_all", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        load("halfway", "evaluation", "optimize")
    with pytest.raises(ConfigurationError, match=r"^optimize needs not_there_at_all: "):
        load("not_there_at_all", "evaluation", "optimize")
