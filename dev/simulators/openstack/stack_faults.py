"""Faults of stacks and tokens, besides the faults of requests."""

from enum import StrEnum


class StackFault(StrEnum):
    """A fault that takes effect when a stack with a matching name starts to be created or deleted."""

    NO_VALID_HOST = "no_valid_host"
    """There is no host for its server; Heat retries five times before it gives up."""
    QUOTA_EXCEEDED = "quota_exceeded"
    """Nova refuses its server because of the project's quota."""
    STACK_TIMEOUT = "stack_timeout"
    """Its server is never ready, and the stack times out after `delay_seconds` of lifecycle time."""
    CREATE_STUCK = "create_stuck"
    """Its server is never ready; only the stack's own time-out ends the creation."""
    DELETE_FAILED_PORT = "delete_failed_port"
    """Heat cannot delete its own port until the port is deleted through Neutron."""
    DELETE_FAILED_FOREIGN_PORT = "delete_failed_foreign_port"
    """A port outside the stack uses its security group until that port is deleted."""
    DELETE_FAILED_VOLUME = "delete_failed_volume"
    """Heat cannot delete its volume until the volume is deleted through Cinder."""
    DELETE_STUCK = "delete_stuck"
    """Its deletion does not end until the stack's own time-out."""


class TokenFault(StrEnum):
    """A fault that takes effect on the token of a request."""

    EXPIRED = "token_expired"
    """The token expires: 401 from now on, everywhere."""
    REVOKED = "token_revoked"
    """The token is revoked and in no service's cache: 401 from now on, everywhere."""


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
