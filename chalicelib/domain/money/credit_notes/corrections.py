"""Corrections of invoices by staff: small ones are issued at once, larger ones need a second member of staff."""

from chalicelib.domain.foundation.approvals.models import (
    FOUR_EYES_ABOVE_MICROS,
    AboveLimit,
    Approval,
    Request,
    Subject,
)
from chalicelib.domain.foundation.approvals.ports import Consequence
from chalicelib.domain.foundation.approvals.service import Approvals
from chalicelib.domain.money.billing.models import CreditNote
from chalicelib.domain.money.credit_notes.service import STALE_NOTE, CreditNotes
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import BASE_CURRENCY


@dataclass(frozen=True)
class Correction:
    """A request to give back part of an invoice, and the reason."""

    customer_id: str
    invoice_id: str
    amount_micros: int
    """Tax included, in whole cents."""
    reason: str
    asked_by: str


class Corrections:
    """Corrects invoices, with approval where it is needed."""

    def __init__(self, notes: CreditNotes, approvals: Approvals) -> None:
        self._notes = notes
        self._approvals = approvals

    def correct(self, correction: Correction, key: str) -> CreditNote | Approval:
        """Issue a credit note, or ask for approval; once for each `key`.

        Earlier corrections of the same invoice count towards the limit, so that many small ones cannot avoid it.

        Raises:
            NotFound, InvalidInput: as `CreditNotes.issue`.
            Forbidden: the member of staff belongs to the customer.
        """
        self._approvals.require_not_member(correction.asked_by, correction.customer_id)
        try:
            return self._notes.issue(
                correction.customer_id,
                correction.invoice_id,
                correction.amount_micros,
                reason=correction.reason,
                actor_user_id=correction.asked_by,
                key=key,
                max_micros=FOUR_EYES_ABOVE_MICROS,
            )
        except AboveLimit:
            return self._approvals.ask(_request(correction), f"credit_note:{key}")


def _request(correction: Correction) -> Request:
    return Request(
        Subject.CREDIT_NOTE,
        correction.customer_id,
        correction.amount_micros,
        BASE_CURRENCY,
        correction.reason,
        correction.asked_by,
        about_id=correction.invoice_id,
    )


class CreditNoteEffect:
    """`Effect` of an approved correction: the credit note, with its number and its ledger entry."""

    stale = STALE_NOTE

    def __init__(self, notes: CreditNotes) -> None:
        self._notes = notes

    def of(self, approval: Approval) -> Consequence:
        """The credit note, and the writes that issue it.

        Raises:
            NotFound, InvalidInput: as `CreditNotes.issue`.
        """
        request = approval.request
        note, writes = self._notes.draft(
            request.customer_id,
            request.about_id,
            request.amount_micros,
            reason=request.reason,
            actor_user_id=request.asked_by,
            key=approval.id,
        )
        return Consequence(note.id, writes)
