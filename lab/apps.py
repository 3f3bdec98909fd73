"""The lab: a live engine, its frames and the viewer beside the text."""

from django.apps import AppConfig


class LabConfig(AppConfig):
    """Registers the lab's models, receivers and demonstrations."""

    name = "lab"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what happens when a learner is forgotten; offer the demonstrations
        to the text."""
        from courseware import experiments
        from lab import receivers  # noqa: F401
        from lab.traffic.demos import DEMOS

        for demo in DEMOS.values():
            experiments.register(demo.name, demo.button)
