"""Where everything of the local stack lies: one folder that can be deleted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra.errors import ConfigurationError
from infra.settings import LocalSettings


@dataclass(frozen=True)
class Layout:
    """The paths under the data folder. `make` creates the folders."""

    data: Path
    downloads: Path

    @classmethod
    def of(cls, settings: LocalSettings) -> Self:
        """The layout that the settings name, as absolute paths."""
        data = settings.data.absolute()
        return cls(data, (settings.downloads or data / "downloads").absolute())

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.data / "logs"

    @property
    def run(self) -> Path:
        """What is true only while the stack runs: state, lock, filled-in configuration."""
        return self.data / "run"

    @property
    def state_file(self) -> Path:
        """What runs, for `millrace status` (infra/local/state.py)."""
        return self.run / "state.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.run / "lock"

    @property
    def master_key(self) -> Path:
        """What seals personal data, unless it is set (infra/local/master_key.py)."""
        return self.data / "keys" / "master-key"

    @property
    def lib(self) -> Path:
        """Jars, one folder a server."""
        return self.downloads / "lib"

    @property
    def archives(self) -> Path:
        """Class-data archives, which make a second start of a JVM faster."""
        return self.downloads / "archives"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    def server_data(self, name: str) -> Path:
        """Where a server keeps its data."""
        return self.data / "servers" / name

    def make(self) -> None:
        """Create the folders. Raises ConfigurationError if the place is not writable."""
        try:
            for folder in (self.logs, self.run, self.lib, self.archives, self.data / "servers"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{self.data} cannot be written ({error.strerror}): "
                "set MILLRACE_DATA to a folder of yours"
            ) from error
