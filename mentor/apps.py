"""The mentor: answers from the engine whose blocks are on screen."""

from django.apps import AppConfig


class MentorConfig(AppConfig):
    """Conversations, the prompt, and the socket that streams the answers."""

    name = "mentor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers of finished requests and of deletion."""
        from mentor import receivers  # noqa: F401
