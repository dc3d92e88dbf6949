"""AWS for functions whose first answer somebody waits for: botocore alone, on models cut to what is granted.

A client of boto3 costs a cold function a third of its first exchange: boto3 itself, a look through four hundred
services, and models of which a call needs a hundredth. `tools/aws_models.py` cuts them; `make check` holds them to
the installed botocore. What only workers call goes through boto3 (`adapters/aws/clients.py`).
"""

from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

MODELS = Path(__file__).parent / "aws_models"


class CutLoader(Loader):
    """Finds the cut models, and no others: a service or an operation that was cut away is unknown."""

    def __init__(self) -> None:
        super().__init__(extra_search_paths=[str(MODELS)], include_default_search_paths=False)


@cache
def session() -> Session:
    """The session of this process. Clients are safe among threads; making them is not."""
    made = Session()
    made.register_component("data_loader", CutLoader())
    return made


def client(service: str, config: Config) -> Any:
    """A new client of `service`, which is named as boto3 names it."""
    return session().create_client(service, config=config)
