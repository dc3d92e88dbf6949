"""Request and response of the ledger export."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.money.billing.documents import Link
from chalicelib.domain.money.journals.journals import ExportFormat
from chalicelib.http import ApiModel
from functions.money.balance.schemas import Instant


class ExportQuery(ApiModel):
    """Selects entries and the format: `from` is inclusive, `to` is exclusive."""

    format: ExportFormat = ExportFormat.CSV
    from_: Instant | None = Field(default=None, alias="from", examples=["2026-11-01T00:00:00Z"])
    to: Instant | None = None


class ExportView(ApiModel):
    """A link to the file. Everybody who has the link can download it, for a few minutes."""

    format: ExportFormat
    url: str
    expires_at: datetime

    @classmethod
    def of(cls, format_: ExportFormat, link: Link) -> Self:
        """The view of a file at `link`."""
        return cls(format=format_, url=link.url, expires_at=link.expires_at)
