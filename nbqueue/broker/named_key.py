"""Which file the signing keys are in: one that was named has to be there, the one of one's own home is made."""

from __future__ import annotations

import os
from pathlib import Path

from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings


def key_path(settings: Settings, given: Path | None = None) -> Path:
    """The file of the keys: `given` by an option, or that of the settings.

    Raises ConfigurationError where a file that was named is not there: a fresh key in its place would be another one
    than that of everybody else.
    """
    path = (given or settings.signing_key_file).expanduser().absolute()
    if path != own_key(settings) and not os.path.lexists(path):
        raise ConfigurationError(
            f"There is no signing key {path}, which --key-file or NBQUEUE_KEY_FILE names: check the path; bring the "
            f"team's key there with `nbqueue signing-key import --key-file {path}`, or make the first one with "
            f"`nbqueue signing-key new --key-file {path}`."
        )
    return path


def own_key(settings: Settings) -> Path:
    """The file of one's own home, which is made on first use."""
    return (settings.home / "signing.key").expanduser().absolute()
