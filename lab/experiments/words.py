"""Numbers of a result in words. Pure."""

from lab.experiments.experiment import Question

THIN_SPACE = "\u202f"
UNKNOWN = "unknown"


def shown(value: float | str | None, unit: str = "") -> str:
    """With three digits or so, thousands apart, the unit behind a thin space."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    size = abs(value)
    digits = 0 if size >= 100 or float(value).is_integer() else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}"
    if size and not text.strip("-0.,"):
        text = f"{value:.1g}"
    return f"{text}{THIN_SPACE}{unit}" if unit else text


def answer_in_words(question: Question, answer: float | str | None) -> str:
    """A prediction or what was measured, in the question's own terms."""
    if isinstance(answer, str):
        return question.options.get(answer, answer)
    return shown(answer, question.unit)


def compared(
    question: Question, predicted: float | str | None, measured: float | str | None
) -> str:
    """How far the prediction was off; "" where it cannot be said."""
    if predicted is None or measured is None:
        return ""
    if isinstance(predicted, str) or isinstance(measured, str):
        return "as predicted" if predicted == measured else "not as predicted"
    off = predicted - measured
    if question.unit == "%":
        points = abs(off)
        if points < 3:
            return "as predicted, within 3 points"
        return f"predicted {shown(round(points))} points too {_side(off)}"
    if abs(off) <= 0.1 * abs(measured):
        return "as predicted, within a tenth"
    low, high = sorted((abs(predicted), abs(measured)))
    if low == 0:
        return f"predicted too {_side(off)}"
    return f"predicted {shown(high / low)} times too {_side(off)}"


def _side(off: float) -> str:
    return "high" if off > 0 else "low"
