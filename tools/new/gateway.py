"""A payment gateway: configuration, an adapter whose calls are unwritten, its webhook, wiring, and a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.alias_generators import to_pascal

from tools.new.writing import ROOT, Insertion, NewFile, Piece, check_name, filled, methods_of_port


@dataclass(frozen=True)
class NewGateway:
    """A payment gateway, by its name in the payments' secret."""

    name: str

    def __post_init__(self) -> None:
        check_name(self.name, "adyen")

    def pieces(self, root: Path) -> Sequence[Piece]:
        """The code to write below `root`, by file."""
        folder, title = f"chalicelib/adapters/gateways/{self.name}", to_pascal(self.name)
        names = {"NAME": self.name, "Title": title}
        imports, methods = methods_of_port(ROOT / "chalicelib/domain/money/top_ups/ports.py", "Gateway", title)
        whole = {**names, "IMPORTS": "\n".join(imports), "METHODS": methods}
        return (
            NewFile(f"{folder}/__init__.py", f'"""Top-ups through {title}."""\n'),
            NewFile(f"{folder}/config.py", filled(_CONFIG, names)),
            NewFile(f"{folder}/gateway.py", filled(_GATEWAY, whole)),
            NewFile(f"tests/unit/money/test_{self.name}_config.py", filled(_TEST, names)),
            Insertion("chalicelib/wiring/money/payments.py", "            case _:", filled(_WIRING, names)),
            Insertion("functions/money/top_ups/webhooks.py", "@endpoint(", filled(_WEBHOOK, names)),
        )

    def left(self) -> Sequence[str]:
        """What the author has to do then."""
        return (
            (
                f"Write the calls of chalicelib/adapters/gateways/{self.name}/gateway.py, on PaymentApi or an "
                "SDK; each raises NotImplementedError until then. Add the Supports… capabilities that it has."
            ),
            "Verify webhooks on their raw body, in constant time, in a module of their own (webhook.py).",
            (
                f"Simulate it in dev/simulators/{self.name}/ (docs/guides/simulators.md), and start that in "
                "dev/localcloud/gateways.py."
            ),
            f"Write a lab in tests/contract/{self.name}_lab.py, and add it to LABS of gateway_lab.py there.",
            f"Describe its set-up in docs/guides/{self.name}.md.",
            (
                f"Run: make format check, and .venv/bin/python -m pytest tests/contract/test_payment_gateway.py "
                f"-k {self.name}"
            ),
        )


_CONFIG = '''"""Configuration of <Title>: one part of the secret for payments, which is a JSON document.

    {"<NAME>": {"base_url": "https://…", "api_key": "…", "webhook_secret": "…"}}
"""

from pydantic import AnyHttpUrl, Field, SecretStr

from chalicelib.adapters.shared.configuration import PaymentsPart


class <Title>Config(PaymentsPart):
    """One account at <Title>."""

    PART = "<NAME>"

    base_url: AnyHttpUrl
    api_key: SecretStr
    webhook_secret: SecretStr
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=60)
'''

_GATEWAY = '''"""<Title> as a payment gateway."""

<IMPORTS>
from chalicelib.adapters.gateways.<NAME>.config import <Title>Config


class <Title>Gateway:
    """`Gateway` for one account at <Title>."""

    name = "<NAME>"

    def __init__(self, config: <Title>Config) -> None:
        self._config = config

<METHODS>'''

_WIRING = """            case "<NAME>":
                from chalicelib.adapters.gateways.<NAME>.config import <Title>Config
                from chalicelib.adapters.gateways.<NAME>.gateway import <Title>Gateway

                return <Title>Gateway(<Title>Config.from_secret(secret))
"""

_WEBHOOK = '''@webhook("<NAME>", grants=_GRANTS)
def <NAME>_webhook(raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Receive a webhook from <Title>."""
    return _receive("<NAME>", raw, headers)


'''

_TEST = '''"""The configuration of <Title>."""

import json

import pytest

from chalicelib.adapters.gateways.<NAME>.config import <Title>Config
from chalicelib.adapters.shared.configuration import ConfigurationError

PART = {"base_url": "https://api.example.net", "api_key": "s3cret", "webhook_secret": "s3cret"}


def test_a_whole_part_is_read() -> None:
    config = <Title>Config.from_secret(json.dumps({"<NAME>": PART}))
    assert config.api_key.get_secret_value() == "s3cret"


def test_an_error_names_the_field_and_never_the_value() -> None:
    with pytest.raises(ConfigurationError, match="base_url") as refused:
        <Title>Config.from_secret(json.dumps({"<NAME>": {**PART, "base_url": "s3cret"}}))
    assert "s3cret" not in str(refused.value)
'''
