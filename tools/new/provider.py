"""A provider of machines: configuration, an adapter whose calls are unwritten, wiring, and a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.alias_generators import to_pascal

from tools.new.writing import ROOT, Insertion, NewFile, Piece, check_name, filled, methods_of_port


@dataclass(frozen=True)
class NewProvider:
    """A provider, by its id in the catalogue."""

    name: str

    def __post_init__(self) -> None:
        check_name(self.name, "linode")

    def pieces(self, root: Path) -> Sequence[Piece]:
        """The code to write below `root`, by file."""
        folder, title = f"chalicelib/adapters/providers/{self.name}", to_pascal(self.name)
        names = {"NAME": self.name, "Title": title}
        imports, methods = methods_of_port(
            ROOT / "chalicelib/domain/cloud/providers/ports.py", "ComputeProvider", title
        )
        return (
            NewFile(f"{folder}/__init__.py", f'"""Machines on {title}."""\n'),
            NewFile(f"{folder}/config.py", filled(_CONFIG, names)),
            NewFile(
                f"{folder}/provider.py",
                filled(_PROVIDER, {**names, "IMPORTS": "\n".join(imports), "METHODS": methods}),
            ),
            NewFile(f"tests/unit/cloud/test_{self.name}_config.py", filled(_TEST, names)),
            Insertion(
                "chalicelib/wiring/cloud.py", '        if provider_id != "openstack":', filled(_WIRING, names)
            ),
        )

    def left(self) -> Sequence[str]:
        """What the author has to do then."""
        return (
            (
                f"Write the calls of chalicelib/adapters/providers/{self.name}/provider.py; each raises "
                "NotImplementedError until then. Add the Supports… capabilities that the provider has."
            ),
            "Map its errors in a table of their own (failures.py), and test that with recorded texts.",
            f"Simulate its HTTP in dev/simulators/{self.name}/, and start the simulator in dev/localcloud/.",
            f"Write a lab in tests/contract/{self.name}_lab.py, and add it to _LABS of conftest.py there.",
            f"Run: make contract TARGET={self.name}",
        )


_CONFIG = '''"""Configuration of <Title>: its part of the secret for providers, which is a JSON document.

    {"<NAME>": {"installation": "…", "base_url": "https://…", "api_key": "…"}}
"""

from pydantic import AnyHttpUrl, Field, SecretStr

from chalicelib.adapters.shared.configuration import SecretPart


class <Title>Config(SecretPart):
    """The whole of one account at <Title>."""

    SECRET = "the providers' secret"  # noqa: S105 (its name, not its content)
    PART = "<NAME>"

    installation: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    """Which Hearth this is: machines carry it as a tag, and nothing without it is ever touched (G25)."""
    base_url: AnyHttpUrl
    api_key: SecretStr
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=60)
'''

_PROVIDER = '''"""<Title> as a provider of machines."""

<IMPORTS>
from chalicelib.adapters.providers.<NAME>.config import <Title>Config
from chalicelib.kernel.clock import Clock


class <Title>Provider:
    """`ComputeProvider` for one account at <Title>."""

    def __init__(self, config: <Title>Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock

<METHODS>'''

_WIRING = """        if provider_id == "<NAME>":
            from chalicelib.adapters.providers.<NAME>.config import <Title>Config
            from chalicelib.adapters.providers.<NAME>.provider import <Title>Provider

            return <Title>Provider(
                <Title>Config.from_secret(secret_text(self.core.settings.provider_secret_id)), self.core.clock
            )
"""

_TEST = '''"""The configuration of <Title>."""

import json

import pytest

from chalicelib.adapters.providers.<NAME>.config import <Title>Config
from chalicelib.adapters.shared.configuration import ConfigurationError

PART = {"installation": "test", "base_url": "https://api.example.net", "api_key": "s3cret"}


def test_a_whole_part_is_read() -> None:
    config = <Title>Config.from_secret(json.dumps({"<NAME>": PART}))
    assert config.installation == "test"


def test_an_error_names_the_field_and_never_the_value() -> None:
    with pytest.raises(ConfigurationError, match="installation") as refused:
        <Title>Config.from_secret(json.dumps({"<NAME>": {**PART, "installation": "s3cret!"}}))
    assert "s3cret" not in str(refused.value)
'''
