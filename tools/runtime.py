"""The Python version of the functions on AWS, and the platform of a package: chosen only here.

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
"""The version of the functions on AWS. docs/adr/0023-one-lambda-runtime.md says how to choose and change it."""

NAME: Final = f"python{PYTHON}"
"""Lambda's name for it."""

SUPPORTED_UNTIL: Final = date(2029, 6, 30)
"""The day on which AWS stops supporting it; a test compares it with AWS's list."""

ARCHITECTURES: Final = ("arm64", "x86_64")

OWN: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version of this interpreter, on which the local cloud runs the functions."""

_LINUX_WHEELS: Final = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Wheels for Amazon Linux 2023 (glibc 2.34), which all Lambda runtimes since Python 3.12 use."""


_FINDER: Final = Path(__file__).with_name("find-python.sh")


class RuntimeMissing(Exception):
    """No interpreter of the wanted version is on this machine; the message says how to get one."""


@dataclass(frozen=True)
class Platform:
    """The system for which a package's layer is built."""

    python: str
    architecture: str
    """The processor architecture, by Lambda's name."""
    wheels: str | None
    """The platform of its wheels, by uv's name; None for that of this interpreter."""

    @classmethod
    def of_lambda(cls, architecture: str) -> "Platform":
        """The Lambda runtime on `architecture`."""
        return cls(PYTHON, architecture, _LINUX_WHEELS[architecture])

    @classmethod
    def here(cls) -> "Platform":
        """This interpreter on this machine, on which the local cloud runs the functions."""
        architecture = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
        return cls(OWN, architecture, _LINUX_WHEELS[architecture] if sys.platform == "linux" else None)

    def interpreter(self) -> str:
        """The path of an interpreter of this version, whose byte code the target can run.

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
                f"The functions run on Python {self.python}, which compiles their packages and is missing here: "
                f"{Path(sys.executable).with_name('uv')} python install {self.python}"
            )
        return found.stdout.strip()
