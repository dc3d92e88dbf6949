"""The folder of one local cloud (by default `.local/`), with all its files."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Home:
    """The files below `folder`."""

    folder: Path

    @property
    def endpoints(self) -> Path:
        """The addresses of all services; written when the cloud is ready, removed when it stops."""
        return self.folder / "endpoints.json"

    @property
    def processes(self) -> Path:
        """The processes of the cloud, while it runs."""
        return self.folder / "processes.json"

    @property
    def ports(self) -> Path:
        """The ports of the last run, used again if they are free."""
        return self.folder / "ports.json"

    @property
    def routes(self) -> Path:
        """The deployed ids behind the front door's addresses."""
        return self.folder / "routes.json"

    @property
    def deployed(self) -> Path:
        """The fingerprint of the sources that were deployed last."""
        return self.folder / "deployed.json"

    @property
    def target(self) -> Path:
        """The provider of machines, with its credentials."""
        return self.folder / "target.json"

    @property
    def packaged(self) -> Path:
        """The fingerprint of the sources in `build`."""
        return self.folder / "packaged.json"

    @property
    def build(self) -> Path:
        """The package."""
        return self.folder / "build"

    @property
    def state(self) -> Path:
        """The state of the local AWS and of the simulators."""
        return self.folder / "state"

    @property
    def lock(self) -> Path:
        """Held while something is deployed."""
        return self.folder / "deploying.lock"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.folder / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make the folders."""
        for folder in (self.build, self.state, self.log("").parent):
            folder.mkdir(parents=True, exist_ok=True)


def read_json(path: Path) -> Any:
    """The content of `path`, or None if there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def write_json(path: Path, value: Any) -> None:
    """Write `path` atomically: readers see either the old content or the new."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(value, indent=2) + "\n")
    unfinished.replace(path)
