"""Why the mentor refuses, as sentences for the learner.

EngineError (lab.errors)
└── Refused             the mentor does not take this message; nothing was lost
    └── Unknown         a conversation or question that is not yours, or is gone
"""

from lab.errors import EngineError


class Refused(EngineError):
    """The message is not taken; the sentence says why and what is allowed."""


class Unknown(Refused):
    """It does not exist, or belongs to somebody else: not told apart."""
