"""`run_notebook` as a job: what cannot be run is refused where it is submitted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4, write

from nbqueue.client.submission import draft_one
from nbqueue.errors import ConfigurationError, NotSendable
from nbqueue.evaluators import run_notebook
from nbqueue.model.settings import Settings

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a notebook that has the parameter alpha, and a file that is none."""
    monkeypatch.chdir(tmp_path)
    cells = [v4.new_code_cell("alpha = 1", metadata={"tags": ["parameters"]})]
    write(v4.new_notebook(cells=cells), tmp_path / "report.ipynb")
    (tmp_path / "text.ipynb").write_text("none", encoding="ascii")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "kwargs", "sentence"),
    [
        (["report.ipynb", [1]], {}, 'parameters=[1] cannot be used: give a dict of values by name, such as {"alpha":'),
        (["report.ipynb", {1: 2}], {}, "parameters={1: 2} cannot be used: give a dict of values by name"),
        ([{"cells": []}], {}, "notebook={'cells': []} cannot be run: give the path of a file, or a notebook node."),
        ([3], {}, "notebook=3 cannot be run: give the path of a file, or a notebook node."),
        (["report.ipynb"], {"cell_timeout": "soon"}, "cell_timeout='soon'"),
        (["report.ipynb"], {"output": 3}, "output=3 cannot be used: give a path."),
        (["report.ipynb"], {"kernel": 3}, "kernel=3 cannot be used: give the name of a kernel."),
    ],
)
def test_arguments_that_nobody_can_use_are_refused_by_whoever_submits(
    args: list[Any], kwargs: dict[str, Any], sentence: str
) -> None:
    """At once, wherever the workers are, and in the words of the call itself."""
    said = []
    for settings in (Settings(url="redis://elsewhere"), Settings()):
        with pytest.raises(ConfigurationError) as refused:
            draft_one(settings, run_notebook, tuple(args), kwargs, {})
        said.append(str(refused.value))
    with pytest.raises(ConfigurationError) as here:
        run_notebook(*args, **kwargs)
    assert said == [str(here.value)] * 2
    assert sentence in said[0]


@pytest.mark.parametrize(
    ("args", "kwargs", "sentence"),
    [
        (["no.ipynb"], {}, "There is no notebook no.ipynb where it is to run (the folder there is "),
        (["text.ipynb"], {}, "text.ipynb is no notebook: "),
        (["report.ipynb"], {"kernel": "fortran"}, 'There is no kernel "fortran" where the notebook is to run.'),
        (["report.ipynb", {"beta": 1}], {}, "The notebook has no parameter 'beta': its cell sets alpha."),
        (["report.ipynb"], {"output": "no/x.ipynb"}, "output='no/x.ipynb' cannot be written: there is no folder no."),
        (["report.ipynb"], {"folder": "no"}, "There is no folder no where the notebook is to run."),
        (["report.ipynb", {"alpha": object}], {}, "which cannot be written into a notebook"),
    ],
)
def test_what_is_not_on_this_machine_is_refused_where_its_own_stack_runs_jobs(
    args: list[Any], kwargs: dict[str, Any], sentence: str
) -> None:
    """Workers elsewhere may have it, and so may a job that others come before, or that begins later."""
    with pytest.raises(ConfigurationError) as refused:
        draft_one(Settings(), run_notebook, tuple(args), kwargs, {})
    assert sentence in str(refused.value)
    draft_one(Settings(url="redis://elsewhere"), run_notebook, tuple(args), kwargs, {})
    in_time: list[dict[str, Any]] = [{"after": ["makes-it"]}, {"delay": 3600}, {"at": datetime.now(UTC) + HOUR}]
    for given in in_time:
        draft_one(Settings(), run_notebook, tuple(args), kwargs, given)
    draft_one(Settings(), run_notebook, tuple(args), kwargs, {}, is_later=True)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"kernel_name": "python3"}, "It is called kernel= here."),
        ({"alpha": 4}, "Parameters of the notebook are given as parameters={'alpha': ...}."),
    ],
)
def test_arguments_that_it_does_not_take_lead_to_those_that_were_meant(given: dict[str, Any], sentence: str) -> None:
    """By whoever submits it, and where it is called."""
    with pytest.raises(NotSendable) as refused:
        draft_one(Settings(), run_notebook, ("report.ipynb",), given, {})
    assert str(refused.value).endswith(sentence)
    with pytest.raises(TypeError) as here:
        run_notebook("report.ipynb", **given)
    assert str(here.value) == str(refused.value)


def test_a_job_of_a_notebook_has_its_name(folder: Path) -> None:
    """So that cards and the history tell notebooks apart."""
    drafts = [
        draft_one(Settings(), run_notebook, (given,), {}, {}) for given in ("report.ipynb", folder / "report.ipynb")
    ]
    assert [each.order.options.label for each in drafts] == ["run_notebook report.ipynb"] * 2
