"""What DATABASES names: Django's backend, with connections that have a time limit."""

from typing import Any

from django.db.backends.postgresql import base

from config.postgresql.connection import Connection, hurried, silence


class DatabaseWrapper(base.DatabaseWrapper):
    """One for each thread, as Django has it."""

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **more: Any) -> None:
        super().__init__(settings_dict, *args, **more)
        if pool := settings_dict["OPTIONS"].get("pool"):
            pool["connection_class"] = Connection

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Of the pool; raises OperationalError at once while the server is silent."""
        silence.check(self)
        with hurried():
            return super().get_new_connection(conn_params)
