"""On which Python the functions run on AWS, and what a package has to fit: chosen here and nowhere else.

A developer's machine may have any Python that pyproject.toml allows; the local cloud runs the functions on that.
"""

import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

PYTHON: Final = "3.13"
"""Of the functions on AWS. docs/adr/0023-one-lambda-runtime.md says how it is chosen and changed."""

NAME: Final = f"python{PYTHON}"
"""What Lambda calls it."""

SUPPORTED_UNTIL: Final = date(2029, 6, 30)
"""When AWS stops supporting it; a test compares this date with AWS's own list."""

ARCHITECTURES: Final = ("arm64", "x86_64")

OWN: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version of this interpreter, on which the local cloud runs the functions."""

_LINUX_WHEELS: Final = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Wheels for Amazon Linux 2023 (glibc 2.34), which all runtimes from Python 3.12 on stand on."""


_FINDER: Final = Path(__file__).with_name("find-python.sh")


class RuntimeMissing(Exception):
    """No interpreter of the wanted version is on this machine; the message says how to get one."""


@dataclass(frozen=True)
class Platform:
    """What the layer of a package has to fit."""

    python: str
    architecture: str
    """In Lambda's words."""
    wheels: str | None
    """Which wheels run there, as uv names them; None for those of the interpreter."""

    @classmethod
    def of_lambda(cls, architecture: str) -> "Platform":
        """The Lambda runtime on `architecture`."""
        return cls(PYTHON, architecture, _LINUX_WHEELS[architecture])

    @classmethod
    def here(cls) -> "Platform":
        """This interpreter on this machine: what the local cloud runs the functions on."""
        architecture = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
        return cls(OWN, architecture, _LINUX_WHEELS[architecture] if sys.platform == "linux" else None)

    def interpreter(self) -> str:
        """An interpreter of this version, whose byte code is the target's.

        Raises:
            RuntimeMissing: this machine has none.
        """
        if self.python == OWN:
            return sys.executable
        found = subprocess.run(
            ["sh", str(_FINDER), "--only", self.python], capture_output=True, text=True, check=False
        )
        if found.returncode != 0:
            raise RuntimeMissing(
                f"The functions run on Python {self.python}, which must compile their packages and is not here: "
                f"{Path(sys.executable).with_name('uv')} python install {self.python}"
            )
        return found.stdout.strip()
