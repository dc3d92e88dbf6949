"""Endpoints for referral codes and rewards."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.referral.service import Redemption
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.wiring.app import app
from functions.money.referral.schemas import RedeemBody, ReferralView, RewardView


@endpoint("GET", "/referral", scope=Scope.REFERRAL_READ)
def get_referral(caller: Caller) -> ReferralView:
    """Show your referral code, the link to share, and the rewards so far."""
    overview = app().money.referrals.overview(caller.customer_id)
    return ReferralView.of(overview, caller.customer_id, app().core.settings.public_url)


@endpoint("POST", "/referral/redeem", status=201, scope=Scope.REFERRAL_WRITE, errors=(NotFound, Conflict))
def redeem_referral(request: RedeemBody, caller: Caller) -> RewardView:
    """Redeem the referral code of another customer; once, within 30 days of registering, and before the first
    payment.

    Both of you get a reward when your first payment of at least 25.00 USD has settled.
    """
    redemption = Redemption(caller.customer_id, caller.user_id, request.code, caller.ip)
    return RewardView.of(app().money.referrals.redeem(redemption), caller.customer_id)


@endpoint("GET", "/referral/rewards", scope=Scope.REFERRAL_READ)
def list_referral_rewards(query: PageQuery, caller: Caller) -> Listing[RewardView]:
    """List your referrals and their rewards, as referrer and as referred customer, newest first."""
    found = app().money.referrals.rewards(caller.customer_id, query.page_request())
    return Listing.of(found, lambda referral: RewardView.of(referral, caller.customer_id))
