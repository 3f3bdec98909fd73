"""Which passwords are taken."""

from pathlib import Path
from typing import Any

from courseware.breached import fault_of
from lab.engine.environment import Environment

OF_DJANGO: tuple[tuple[str, dict[str, Any]], ...] = (
    ("UserAttributeSimilarityValidator", {}),
    ("MinimumLengthValidator", {"min_length": 12}),
    ("CommonPasswordValidator", {}),  # 20,000 of those that were found out
)


def validators(env: Environment) -> list[dict[str, Any]]:
    """Django's, and one that looks into BREACHED_PASSWORDS; raises the environment's
    refusal where that file is no list."""
    found: list[dict[str, Any]] = [
        {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
        for name, options in OF_DJANGO
    ]
    if named := env.text("BREACHED_PASSWORDS", ""):
        path = Path(named).expanduser().absolute()
        if fault := fault_of(path):
            raise env.refusal(f"BREACHED_PASSWORDS is {named!r}: {fault}.")
        name = "courseware.breached.BreachedPasswordValidator"
        found.append({"NAME": name, "OPTIONS": {"path": str(path)}})
    return found
