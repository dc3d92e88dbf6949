"""Errors that only the door raises."""

from chalicelib.kernel.errors import HearthError


class IdempotencyInProgress(HearthError):
    code, status = "IDEMPOTENCY_IN_PROGRESS", 409
    sentence = "The first request with this Idempotency-Key is still being answered; try again shortly."


class PayloadTooLarge(HearthError):
    code, status = "PAYLOAD_TOO_LARGE", 413
    sentence = "The request body is too large."


class IdempotencyConflict(HearthError):
    code, status = "IDEMPOTENCY_CONFLICT", 422
    sentence = "This Idempotency-Key was used before with another request."


class InternalError(HearthError):
    code, status = "INTERNAL_ERROR", 500
    sentence = "Something went wrong on our side; it has been recorded."
