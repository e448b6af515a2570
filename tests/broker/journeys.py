"""Calls that travel: through bytes in this process, or to a fresh one that knows none of our modules."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbqueue.broker import codec

LOAD = """
import pathlib, sys
from nbqueue.broker import codec
assert "redis" not in sys.modules
fn, args, kwargs = codec.load_call(pathlib.Path(sys.argv[1]).read_bytes())
pathlib.Path(sys.argv[1]).write_bytes(codec.dump_value(fn(*args, **kwargs)))
"""


def there_and_back(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the call gives in this process after travelling."""
    loaded, its_args, its_kwargs = codec.load_call(codec.dump_call(fn, args, kwargs))
    return loaded(*its_args, **its_kwargs)


def elsewhere(payload: bytes, folder: Path) -> Any:
    """What the call gives in a fresh process that does not know this module."""
    path = folder / "payload"
    path.write_bytes(payload)
    words = [sys.executable, "-W", "error", "-c", LOAD, str(path)]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return codec.load_value(path.read_bytes())
