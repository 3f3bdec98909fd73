"""The lab: a live engine, its frames and the viewer beside the text."""

from django.apps import AppConfig


class LabConfig(AppConfig):
    """Registers the lab's models and receivers."""

    name = "lab"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what happens when a learner is forgotten."""
        from lab import receivers  # noqa: F401
