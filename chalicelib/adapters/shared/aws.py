"""AWS clients for functions on which a client waits: botocore alone, with reduced service models.

A boto3 client takes a third of a cold function's first exchange: boto3 itself, a search through four hundred
services, and models of which a call needs a hundredth. `tools/aws_models.py` reduces them to what is granted;
`make check` compares them with the installed botocore. Code that only workers call uses boto3
(`adapters/aws/clients.py`).
"""

from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

MODELS = Path(__file__).parent / "aws_models"


class CutLoader(Loader):
    """Finds only the reduced models: it knows no other services and operations."""

    def __init__(self) -> None:
        super().__init__(extra_search_paths=[str(MODELS)], include_default_search_paths=False)


@cache
def session() -> Session:
    """Return the session of this process. Clients are thread-safe; creating them is not."""
    made = Session()
    made.register_component("data_loader", CutLoader())
    return made


def client(service: str, config: Config) -> Any:
    """Return a new client of `service`, named as in boto3."""
    return session().create_client(service, config=config)
