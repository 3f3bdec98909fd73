"""Which passwords are taken."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from courseware.breached import fault_of
from lab.engine.environment import Environment

FOUND_OUT = Path(__file__).with_name("found_out.txt.gz")
"""44,021 of twelve characters and more, in lower case: those of the million that were
found out most often (SecLists, MIT), and Django's own."""
WORDS = (
    *("servelab", "vllm", "smollm", "pagedattention", "attention", "inference"),
    *("serving", "deploying", "language", "model", "token", "engine", "prompt"),
    *("course", "chapter", "lesson", "mentor", "quiz", "challenge", "fleet"),
    *("teacher", "student", "learner", "staff", "admin", "operator"),
    *("password", "login", "account", "welcome", "secret", "letmein"),
)
"""Words of this site, which are guessed first here; docs/security.md has them too."""
SHORTEST_WORD = 4
"""Letters of a part of a host's name that counts as a word of the site."""
OF_DJANGO: tuple[tuple[str, dict[str, Any]], ...] = (
    ("UserAttributeSimilarityValidator", {}),
    ("MinimumLengthValidator", {"min_length": 12}),
    ("CommonPasswordValidator", {"password_list_path": str(FOUND_OUT)}),
)


def validators(env: Environment, hosts: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Django's, one that knows the site's words, and one that looks into
    BREACHED_PASSWORDS; raises the environment's refusal where that file is no list."""
    found: list[dict[str, Any]] = [
        {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
        for name, options in OF_DJANGO
    ]
    words = [*WORDS, *words_of(hosts), *env.text("PASSWORD_WORDS", "").split()]
    found.append(
        {
            "NAME": "courseware.site_words.SiteWordsValidator",
            "OPTIONS": {"words": words},
        }
    )
    if named := env.text("BREACHED_PASSWORDS", ""):
        path = Path(named).expanduser().absolute()
        if fault := fault_of(path):
            raise env.refusal(f"BREACHED_PASSWORDS is {named!r}: {fault}.")
        name = "courseware.breached.BreachedPasswordValidator"
        found.append({"NAME": name, "OPTIONS": {"path": str(path)}})
    return found


def words_of(hosts: Iterable[str]) -> list[str]:
    """The parts of their names, without short ones: "course.example.org" has two."""
    parts = {part.lower() for host in hosts for part in host.split(".")}
    return sorted(p for p in parts if len(p) >= SHORTEST_WORD and p.isalpha())
