"""Figures of the planning pages as text: thousands, intervals, dollars."""

from django import template

from planning.interval import GIB, Interval

register = template.Library()
_THIN = "\u202f"
"""Narrow no-break space between groups of three digits."""


@register.filter
def thousands(value: float) -> str:
    """1234567 as 1 234 567."""
    return f"{value:,.0f}".replace(",", _THIN)


@register.filter(name="range")
def as_range(interval: Interval) -> str:
    """A whole number with its interval: 20 (19 to 21), or 20 where it is exact."""
    if interval.width == 0:
        return thousands(interval.value)
    low, high = thousands(interval.low), thousands(interval.high)
    return f"{thousands(interval.value)} ({low} to {high})"


@register.filter
def pct(value: float) -> str:
    """A place in a drawing: 12.345%."""
    return f"{value:.3f}%"


@register.filter
def gib(num_bytes: float) -> str:
    """Bytes as GiB with two decimals."""
    return f"{num_bytes / GIB:,.2f}"


@register.filter
def usd(value: float) -> str:
    """US dollars and cents."""
    return f"${value:,.2f}"
