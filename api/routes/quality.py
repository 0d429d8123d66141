"""How good the findings are, as measured on worlds with known truth."""

from fastapi import APIRouter

from api import policy
from api.policy import GuardedRoute, allow
from api.quality import Quality, published_quality

router = APIRouter(route_class=GuardedRoute, tags=["mission"])


@router.get("/v1/quality", **allow(policy.MONITORS))
def quality() -> Quality:
    """What this version finds, misses and falsely reports in simulated worlds, per scenario and rule."""
    return published_quality()
