"""Errors of changing deployments."""

from chalicelib.kernel.errors import HearthError


class OperationInProgress(HearthError):
    code, status = "OPERATION_IN_PROGRESS", 409
    sentence = "Another operation is changing this deployment; try again when it has ended."
