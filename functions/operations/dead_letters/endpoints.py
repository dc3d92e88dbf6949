"""Dead letters: messages that a function could not process in five attempts."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, Listing, endpoint
from chalicelib.kernel.errors import NotFound
from chalicelib.runtime.grants import (
    HAND_OVER_NOTICES,
    REPLAY_DEAD_LETTERS,
    SEE_DEAD_LETTERS,
    SEE_DEAD_NOTICES,
    TAKE_DEAD_LETTERS,
    TAKE_DEAD_NOTICES,
)
from chalicelib.wiring.app import app
from functions.operations.dead_letters.schemas import (
    DeadLetterQueueFile,
    DeadLetterQueueView,
    DeadLettersView,
    DeadLetterView,
    DeadNoticeView,
    DiscardBody,
    DiscardView,
    QueueName,
    ReplayBody,
    ReplayView,
)

_SHOWN_AT_MOST = 10
_REPLAYED_AT_MOST = 100
_NOTICES = "book_notice"


@endpoint(
    "GET",
    "/v1/admin/dead-letters",
    scope=Scope.STAFF_OPERATIONS_READ,
    grants=(SEE_DEAD_LETTERS,),
    timeout_seconds=29,
)
def list_dead_letter_queues(caller: Caller) -> Listing[DeadLetterQueueView]:
    """List the dead-letter queues, which are named after their functions, with the number of messages in each."""
    return Listing([DeadLetterQueueView.of(found) for found in app().foundation.dead_letters.counts()])


@endpoint(
    "GET",
    "/v1/admin/dead-letters/{queue}",
    scope=Scope.STAFF_OPERATIONS_READ,
    errors=(NotFound,),
    grants=(SEE_DEAD_LETTERS,),
)
def get_dead_letter_queue(queue: QueueName, caller: Caller) -> DeadLetterQueueFile:
    """Show the number of dead letters in a queue, and up to ten of them."""
    desk = app().foundation.dead_letters
    some = [DeadLetterView.of(letter) for letter in desk.peek(queue, _SHOWN_AT_MOST)]
    return DeadLetterQueueFile(queue=queue, count=desk.count(queue), some=some)


@endpoint(
    "POST",
    "/v1/admin/dead-letters/{queue}/replay",
    scope=Scope.STAFF_OPERATIONS_WRITE,
    errors=(NotFound,),
    grants=(SEE_DEAD_LETTERS, TAKE_DEAD_LETTERS, REPLAY_DEAD_LETTERS),
    timeout_seconds=29,
)
def replay_dead_letter_queue(queue: QueueName, request: ReplayBody, caller: Caller) -> ReplayView:
    """Send up to a hundred dead letters, or those that `ids` names, to their function again.

    Work that the function did before is not done twice.
    """
    replayed = app().foundation.dead_letters.replay(queue, _REPLAYED_AT_MOST, frozenset(request.ids))
    return ReplayView(replayed=replayed)


@endpoint(
    "POST",
    "/v1/admin/dead-letters/{queue}/discard",
    scope=Scope.STAFF_OPERATIONS_WRITE,
    errors=(NotFound,),
    grants=(SEE_DEAD_LETTERS, TAKE_DEAD_LETTERS),
    timeout_seconds=29,
)
def discard_dead_letters(queue: QueueName, request: DiscardBody, caller: Caller) -> DiscardView:
    """Delete the dead letters that `ids` names, for good."""
    return DiscardView(discarded=app().foundation.dead_letters.discard(queue, frozenset(request.ids)))


@endpoint(
    "GET",
    "/v1/admin/webhooks/dead-letters",
    scope=Scope.STAFF_PAYMENTS_READ,
    grants=(SEE_DEAD_NOTICES,),
)
def get_dead_letters(caller: Caller) -> DeadLettersView:
    """Show how many webhooks could not be processed, and some of them."""
    desk = app().foundation.dead_letters
    some = [DeadNoticeView.of(letter) for letter in desk.peek(_NOTICES, _SHOWN_AT_MOST)]
    return DeadLettersView(count=desk.count(_NOTICES), some=some)


@endpoint(
    "POST",
    "/v1/admin/webhooks/dead-letters/replay",
    scope=Scope.STAFF_PAYMENTS_WRITE,
    grants=(SEE_DEAD_NOTICES, TAKE_DEAD_NOTICES, HAND_OVER_NOTICES),
    timeout_seconds=29,
)
def replay_dead_letters(caller: Caller) -> ReplayView:
    """Process up to a hundred of them again; nothing is booked twice."""
    return ReplayView(replayed=app().foundation.dead_letters.replay(_NOTICES, _REPLAYED_AT_MOST))
