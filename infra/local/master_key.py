"""The master key of a stack on one machine: made once, readable by its owner."""

import os

from pydantic import SecretStr

from infra.local.layout import Layout
from infra.sealing import MasterKeys, new_master_key
from infra.settings import LocalSettings, SecretsSettings


def master_keys() -> MasterKeys:
    """The keys of the settings, else the one under the data folder.

    Raises ConfigurationError if there is neither, or one is not a key.
    """
    keys = SecretsSettings().master_key
    path = Layout.of(LocalSettings()).master_key
    if not keys.get_secret_value() and path.exists():
        keys = SecretStr(path.read_text())
    return MasterKeys(keys)


def keep_master_key(layout: Layout) -> None:
    """Make the key unless it is there, or is set. Losing it loses every personal field."""
    if SecretsSettings().master_key.get_secret_value() or layout.master_key.exists():
        return
    layout.master_key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = layout.master_key.with_suffix(".new")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(new_master_key())
        file.flush()
        os.fsync(file.fileno())
    made.rename(layout.master_key)
