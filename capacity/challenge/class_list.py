"""The best results of the class in a scenario: one a learner, names where wanted."""

from dataclasses import dataclass

from django.db.models import Min

from capacity.models import ChallengeResult, ClassName

NUM_BEST = 10


@dataclass(frozen=True)
class Placed:
    """A row of the list."""

    place: int
    name: str
    """"" where the learner wants none."""
    score: int
    cost_usd: float
    is_you: bool


def best_of_class(scenario_id: str, learner_id: str | None) -> list[Placed]:
    """The best result of each of the ten best learners."""
    rows = ChallengeResult.objects.filter(scenario=scenario_id, meets_slo=True)
    leaders = (
        rows.order_by()
        .values_list("learner_id")
        .annotate(least=Min("cost_usd"))
        .order_by("least", "learner_id")[:NUM_BEST]
    )
    found = [rows.filter(learner_id=one).first() for one, _ in leaders]
    known = [one for one in found if one is not None]
    names = dict(
        ClassName.objects.filter(
            learner_id__in=[one.learner_id for one in known]
        ).values_list("learner_id", "name")
    )
    return [
        Placed(
            place,
            names.get(one.learner_id, ""),
            one.score,
            one.cost_usd,
            one.learner_id == learner_id,
        )
        for place, one in enumerate(known, 1)
    ]
