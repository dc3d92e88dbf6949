"""What can go wrong with a stack by injection, beside what goes wrong with a request."""

from enum import StrEnum


class StackFault(StrEnum):
    """A fault that strikes when a stack of a matching name starts to be made, or to be deleted."""

    NO_VALID_HOST = "no_valid_host"
    """No host takes its server; Heat tries five times more before it gives up."""
    QUOTA_EXCEEDED = "quota_exceeded"
    """Nova refuses its server for the project's quota."""
    STACK_TIMEOUT = "stack_timeout"
    """Its server never comes, and the stack times out after `delay_seconds` of lifecycle."""
    CREATE_STUCK = "create_stuck"
    """Its server never comes; only the stack's own time-out ends it."""
    DELETE_FAILED_PORT = "delete_failed_port"
    """Its own port refuses to be deleted by Heat until it is deleted through Neutron."""
    DELETE_FAILED_FOREIGN_PORT = "delete_failed_foreign_port"
    """A port that is not the stack's holds its security group until that port is deleted."""
    DELETE_FAILED_VOLUME = "delete_failed_volume"
    """Its volume refuses to be deleted by Heat until it is deleted through Cinder."""
    DELETE_STUCK = "delete_stuck"
    """Its deletion does not end; only the stack's own time-out ends it."""


class TokenFault(StrEnum):
    """A fault that strikes a request's token on its way."""

    EXPIRED = "token_expired"
    """It expires: 401 from now on, everywhere."""
    REVOKED = "token_revoked"
    """It is revoked, and no service's cache knows it: 401 from now on, everywhere."""


AT_CREATE = frozenset(
    {StackFault.NO_VALID_HOST, StackFault.QUOTA_EXCEEDED, StackFault.STACK_TIMEOUT, StackFault.CREATE_STUCK}
)
AT_DELETE = frozenset(
    {
        StackFault.DELETE_FAILED_PORT,
        StackFault.DELETE_FAILED_FOREIGN_PORT,
        StackFault.DELETE_FAILED_VOLUME,
        StackFault.DELETE_STUCK,
    }
)
