"""Tasks of the default worker: a shell around one call."""

from datetime import timedelta

from axes.models import AccessAttempt
from celery import shared_task
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from courseware.learner import forget_learner
from courseware.models import Learner


@shared_task(name="courseware.expire_learners")
def expire_learners() -> int:
    """Forget the anonymous learners who have not come back; how many they were."""
    oldest = timezone.now() - timedelta(days=settings.LEARNER_KEPT_DAYS)
    idle = Learner.objects.filter(user=None, last_seen_at__lt=oldest)
    learner_ids = list(idle.values_list("learner_id", flat=True))
    for learner_id in learner_ids:
        forget_learner(learner_id)
    AccessAttempt.objects.filter(attempt_time__lt=oldest).delete()
    call_command("clearsessions")
    return len(learner_ids)
