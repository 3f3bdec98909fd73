"""The quizzes: predict, answer, see why, measure it on the engine."""

from django.apps import AppConfig


class QuizzesConfig(AppConfig):
    """Questions from the bank, attempts, and what a measured question sends."""

    name = "quizzes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers of finished requests and of deletion, and tell what
        other apps may know."""
        from courseware import answered
        from quizzes import receivers  # noqa: F401
        from quizzes.published import PublishedAnswers

        answered.publish(PublishedAnswers())
