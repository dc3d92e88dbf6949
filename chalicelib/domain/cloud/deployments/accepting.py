"""Repeats optimistic changes of deployments, and translates their failed assertions into errors."""

from collections.abc import Callable
from typing import TypeVar

from chalicelib.domain.cloud.deployments.ports import (
    CUSTOMER_ACTIVE,
    DEPLOYMENT_UNCHANGED,
    NEW_DEPLOYMENT,
    SLOT_FREE,
)
from chalicelib.domain.cloud.projects.models import no_such_project
from chalicelib.domain.cloud.projects.ports import PROJECT_THERE
from chalicelib.domain.foundation.access.errors import CustomerBlocked
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.metering.ports import METER_UNCHANGED
from chalicelib.kernel.errors import LimitExceeded
from chalicelib.kernel.transactions import ConditionFailed, with_fresh_reads

T = TypeVar("T")
_STALE = frozenset({ACCOUNT_UNCHANGED, DEPLOYMENT_UNCHANGED, METER_UNCHANGED, NEW_DEPLOYMENT})


def accepted(change: Callable[[], T]) -> T:
    """Run `change` again while another request was faster, and return its result.

    Raises:
        CustomerBlocked: staff blocked the customer since the request was admitted.
        LimitExceeded: the customer has the maximum number of deployments.
        NotFound: the project was deleted meanwhile.
    """
    try:
        return with_fresh_reads(change, stale=_STALE)
    except ConditionFailed as failed:
        if CUSTOMER_ACTIVE in failed.asserts:
            raise CustomerBlocked from failed
        if SLOT_FREE in failed.asserts:
            raise LimitExceeded from failed
        if PROJECT_THERE in failed.asserts:
            raise no_such_project() from failed
        raise
