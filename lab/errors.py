"""What can go wrong between a page and the engine, as sentences for the learner.

EngineError
├── EngineUnavailable   no engine host answers, or vLLM cannot run here
├── LimitExceeded       prompt, output or number of requests over what is allowed
├── NotYours            the request belongs to somebody else, or does not exist
├── SecondRefused       a second engine cannot have these settings, or no room here
└── SettingError        an environment variable of the engine host is wrong
"""


class EngineError(Exception):
    """Base of all; ``str(error)`` is a sentence that may be shown as it is."""


class EngineUnavailable(EngineError):
    """No engine host answers, or vLLM cannot run on this machine."""


class LimitExceeded(EngineError):
    """A stated limit was passed; the sentence names it and what is allowed."""


class NotYours(EngineError):
    """The request does not exist, or another learner owns it: not told apart."""


class SecondRefused(EngineError):
    """A second engine cannot have these settings, or this machine no room for it."""


class SettingError(EngineError):
    """A setting of the engine host is wrong; names the variable and the choice."""
