"""Why the mentor refuses, as sentences for the learner.

EngineError (lab.errors)
└── Refused             the mentor does not take this message; nothing was lost
    └── Unknown         a conversation or question that is not yours, or is gone
MentorError
├── NoSentenceModel     what questions are understood with is not installed
├── BadQuestions        a file of questions that evalmentor cannot read
└── NoEngine            no engine is ready whose words could be measured
"""

from lab.errors import EngineError


class Refused(EngineError):
    """The message is not taken; the sentence says why and what is allowed."""


class Unknown(Refused):
    """It does not exist, or belongs to somebody else: not told apart."""


class MentorError(Exception):
    """What a command or a process cannot go on with; no learner sees it."""


class NoSentenceModel(MentorError):
    """The sentence model is not installed, or not the one that is known."""


class BadQuestions(MentorError):
    """A file of questions is not of the form."""


class NoEngine(MentorError):
    """No engine is ready."""
