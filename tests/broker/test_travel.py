"""The user's own modules go by value, and source lines with them."""

import json
import linecache
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pytest

from nbqueue.broker import code_lines, codec, travel
from nbqueue.errors import NotSendable
from tests.broker.journeys import elsewhere


def test_a_module_edited_since_is_sent_as_it_is_now(
    local_module: Callable[[str, str], ModuleType], tmp_path: Path
) -> None:
    """Local modules go by value, with what they use of other local modules; the worker needs neither file."""
    local_module("rates", "def rate():\n    return 3\n")
    prices = local_module("prices", "import rates\ndef price(n):\n    return n * rates.rate()\n")
    payload = codec.dump_call(prices.price, (2,), {})
    (tmp_path / "rates.py").unlink()
    (tmp_path / "prices.py").unlink()
    assert elsewhere(payload, tmp_path) == 6


def test_what_the_user_registered_stays_registered(local_module: Callable[[str, str], ModuleType]) -> None:
    """Our own registrations end with the dump, also when it fails; the user's stay."""
    ours = local_module("ours", "import threading\nlock = threading.Lock()\ndef f():\n    return lock\ndef g(): pass\n")
    users = local_module("users", "def f(): pass\n")
    cloudpickle.register_pickle_by_value(users)
    try:
        codec.dump_call(ours.g, (users.f,), {})
        with pytest.raises(NotSendable):
            codec.dump_function(ours.f)
        assert cloudpickle.list_registry_pickle_by_value() == {"users"}
    finally:
        cloudpickle.unregister_pickle_by_value(users)


def test_only_the_users_own_modules_are_local(local_module: Callable[[str, str], ModuleType]) -> None:
    """The standard library, installed packages and nbqueue itself go by reference."""
    assert travel.is_local(local_module("mine", ""))
    assert [travel.is_local(each) for each in (json, np, pytest, sys, codec)] == [False] * 5
    assert b"json" in codec.dump_function(json.dumps)
    assert len(codec.dump_function(codec.dump_value)) < 100


def test_threads_dump_at_the_same_time(local_module: Callable[[str, str], ModuleType]) -> None:
    """Dumps of several threads do not take one another's registrations away."""
    module = local_module("busy", "def f(n):\n    return n\n")
    payloads: list[bytes] = []

    def work() -> None:
        payloads.extend(codec.dump_function(module.f) for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(payloads) == 200
    assert min(map(len, payloads)) > 200


def test_source_lines_travel(tmp_path: Path) -> None:
    """The traceback of a cell's function shows its lines where the cell is not."""
    name = "/tmp/ipykernel_1/42.py"
    text = "\n\ndef ratio(x):\n    helper = lambda: x / 0\n    return helper()\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), namespace)
    payload = codec.dump_call(_traceback_of, (namespace["ratio"], 1), {})
    del linecache.cache[name]
    found = elsewhere(payload, tmp_path)
    assert "helper = lambda: x / 0" in found
    assert "return helper()" in found


def test_source_lines_never_hide_a_file() -> None:
    """Lines are learned for code without a file here, and beside what is known already."""
    code_lines.learn_source_lines({__file__: {1: "wrong\n"}, "<cell>": {2: "two\n"}})
    code_lines.learn_source_lines({"<cell>": {1: "one\n", 3: "three\n"}})
    assert linecache.getlines("<cell>") == ["one\n", "two\n", "three\n"]
    assert linecache.getline(__file__, 1).startswith('"""The user')


def _traceback_of(fn: Callable[..., Any], *args: Any) -> str:
    try:
        fn(*args)
    except ZeroDivisionError:
        return traceback.format_exc()
    return ""


def test_packages_installed_elsewhere_are_not_local(
    local_module: Callable[[str, str], ModuleType], tmp_path: Path
) -> None:
    """What an installer put into another folder (`pip install --target`) goes by reference."""
    (tmp_path / "there-1.0.dist-info").mkdir()
    assert not travel.is_local(local_module("there", ""))
