"""The course's claims in templates of apps above it."""

from collections.abc import Iterable

from django import template

from courseware.claims import Claim
from courseware.loader import CONTENT
from courseware.values import all_claims

register = template.Library()


@register.simple_tag
def claims_named(claim_ids: Iterable[str]) -> list[Claim]:
    """The claims of these ids; one that no chapter has is left out."""
    known = all_claims(CONTENT)
    return [known[claim_id] for claim_id in claim_ids if claim_id in known]
