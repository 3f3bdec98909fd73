"""Numbers of results in templates."""

from django import template

from lab.experiments.words import shown as shown_in_words

register = template.Library()


@register.filter
def shown(value: float | str | None) -> str:
    """See lab.experiments.words.shown()."""
    return shown_in_words(value)
