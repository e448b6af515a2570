"""What tests of bad input stand on: the same as those of attacks."""

from tests.attacks.conftest import (
    _no_process_left_behind,
    client,
    module_home,
    module_server,
    module_settings,
    store,
    trap,
    unharmed,
    worker,
)

__all__ = [
    "_no_process_left_behind", "client", "module_home", "module_server", "module_settings", "store", "trap", "unharmed",
    "worker",
]  # fmt: skip
