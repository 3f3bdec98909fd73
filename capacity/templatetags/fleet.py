"""Means of the fleet pages as text."""

from django import template

from planning.fleet.means import Mean

register = template.Library()


@register.filter
def usd0(value: float) -> str:
    """Whole US dollars; cents where it is less than ten."""
    return f"${value:,.0f}" if abs(value) >= 10 else f"${value:,.2f}"


@register.filter
def usd_short(value: float) -> str:
    """A small price to four digits at most: $0.02, $0.00093, $1.875."""
    return f"${value:.4g}"


@register.filter
def plus_minus(value: Mean, unit: str) -> str:
    """A mean with half its interval, to a sensible number of digits, and its unit."""
    text = f"{_digits(value.mean)} ± {_digits(value.half)}"
    if unit == "$":
        return f"${text}"
    return f"{text} {unit}".strip()


def _digits(value: float) -> str:
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.2g}" if size >= 0.005 else "0"
