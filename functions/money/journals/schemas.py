"""Request and response of the ledger export."""

from datetime import datetime
from typing import Self

from chalicelib.domain.money.billing.documents import Link
from chalicelib.domain.money.journals.journals import ExportFormat
from chalicelib.http import ApiModel, SpanQuery


class ExportQuery(SpanQuery):
    """Selects entries and the format: `from` is inclusive, `to` is exclusive."""

    format: ExportFormat = ExportFormat.CSV


class ExportView(ApiModel):
    """A link to the file. Everybody who has the link can download it, for a few minutes."""

    format: ExportFormat
    url: str
    expires_at: datetime

    @classmethod
    def of(cls, format_: ExportFormat, link: Link) -> Self:
        """The view of a file at `link`."""
        return cls(format=format_, url=link.url, expires_at=link.expires_at)
