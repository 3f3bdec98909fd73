"""The base app: chapters, accounts, learners."""

from django.apps import AppConfig


class CoursewareConfig(AppConfig):
    """Chapters from Markdown, the user model, the learner behind each session."""

    name = "courseware"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what closes the sockets of a learner who leaves."""
        from courseware import door  # noqa: F401
