"""Capacity planning: the hardware calculator, the fleet simulator, the challenge."""

from django.apps import AppConfig


class CapacityConfig(AppConfig):
    """Registers what the pages keep of a learner, and their receivers."""

    name = "capacity"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect reports of the engine, and learners forgotten or known."""
        from capacity import receivers  # noqa: F401
