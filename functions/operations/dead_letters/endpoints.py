"""Webhooks' dead letters: notices that the worker gave up on after five attempts."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.runtime.grants import HAND_OVER_NOTICES, SEE_DEAD_NOTICES, TAKE_DEAD_NOTICES
from chalicelib.wiring.app import app
from functions.operations.dead_letters.schemas import DeadLettersView, DeadNoticeView, ReplayView

_SHOWN_AT_MOST = 10
_REPLAYED_AT_MOST = 100


@endpoint(
    "GET",
    "/v1/admin/webhooks/dead-letters",
    scope=Scope.STAFF_PAYMENTS_READ,
    grants=(SEE_DEAD_NOTICES,),
)
def get_dead_letters(caller: Caller) -> DeadLettersView:
    """Show how many webhooks could not be worked off, and some of them."""
    dead = app().money.dead_notices
    some = [DeadNoticeView.of(notice) for notice in dead.peek(_SHOWN_AT_MOST)]
    return DeadLettersView(count=dead.count(), some=some)


@endpoint(
    "POST",
    "/v1/admin/webhooks/dead-letters/replay",
    scope=Scope.STAFF_PAYMENTS_WRITE,
    grants=(SEE_DEAD_NOTICES, TAKE_DEAD_NOTICES, HAND_OVER_NOTICES),
    timeout_seconds=29,
)
def replay_dead_letters(caller: Caller) -> ReplayView:
    """Have up to a hundred of them worked off again; what was booked already is booked once."""
    return ReplayView(replayed=app().money.dead_notices.replay(_REPLAYED_AT_MOST))
