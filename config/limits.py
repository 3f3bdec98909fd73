"""How much of what anybody may take; every limit is a setting (docs/settings.md).

Per learner first; per address and in total generous, because a classroom is one address
and a course has many classes.
"""

from dataclasses import dataclass

from lab.engine.environment import Environment

MOST = 1_000_000


@dataclass(frozen=True)
class Limits:
    """As courseware, lab and capacity read them from ``settings.LIMITS``."""

    guesses: int
    """Wrong passwords for one account from one address before one has to wait."""
    guesses_account: int
    """The same from all addresses together, but for devices that the account knows."""
    guesses_address: int
    """The same from one address for all accounts together."""
    signups_address: int
    """Accounts made from one address in an hour."""
    letters: int
    """Letters to one account in an hour, of each kind."""
    letters_address: int
    """The same asked for from one address."""
    visitors_address: int
    """New learners that one address makes in a minute."""
    mentor: int
    """Questions of one learner under way."""
    mentor_total: int
    """Questions of all learners under way."""
    demo: int
    """Requests of one learner's demonstration or experiment under way."""
    demo_total: int
    """Of all learners' demonstrations, experiments and measured questions."""
    requests_learner: int
    """Requests that one learner sends to an engine in a minute."""
    requests_address: int
    """The same from one address."""
    simulated_s: int
    """Seconds of simulation that one learner may use in a minute."""


def limits_of(env: Environment) -> Limits:
    """From the environment; raises the environment's refusal."""
    return Limits(
        guesses=env.integer("LIMIT_GUESSES", 5, 1, MOST),
        guesses_account=env.integer("LIMIT_GUESSES_ACCOUNT", 50, 1, MOST),
        guesses_address=env.integer("LIMIT_GUESSES_ADDRESS", 300, 1, MOST),
        signups_address=env.integer("LIMIT_SIGNUPS_ADDRESS", 200, 1, MOST),
        letters=env.integer("LIMIT_LETTERS", 5, 1, MOST),
        letters_address=env.integer("LIMIT_LETTERS_ADDRESS", 100, 1, MOST),
        visitors_address=env.integer("LIMIT_VISITORS_ADDRESS", 300, 1, MOST),
        mentor=env.integer("LIMIT_MENTOR", 3, 1, MOST),
        mentor_total=env.integer("LIMIT_MENTOR_TOTAL", 512, 1, MOST),
        demo=env.integer("LIMIT_DEMO", 64, 1, MOST),
        demo_total=env.integer("LIMIT_DEMO_TOTAL", 4_096, 1, MOST),
        requests_learner=env.integer("LIMIT_REQUESTS_LEARNER", 600, 1, MOST),
        requests_address=env.integer("LIMIT_REQUESTS_ADDRESS", 12_000, 1, MOST),
        simulated_s=env.integer("LIMIT_SIMULATED_S", 30, 1, 3_600),
    )
