"""What is said to the mentor and asks nothing of the course: a greeting, thanks, "who
are you", a smiley, another language, pasted code, a sum, noise. One sentence for each.
Pure.

Only a whole message is taken for talk: "thanks, and what is TTFT?" is a question.
"""

import re
import unicodedata
from collections.abc import Callable

from courseware.words import words
from mentor.knowing.manners import plainly
from mentor.knowing.sums import is_sum

HELLO = (
    "Hello! I am the mentor of this course: ask me about serving language models with "
    "vLLM, its KV cache, GPUs, cold starts or costs."
)
THANKS = "You are welcome. Ask on whenever something is unclear."
BYE = "Goodbye! What you asked is kept here until you delete it."
AGREED = "Good. Ask me the next thing about the course whenever you like."
WHO = (
    "I am the mentor of this course, a program: under “From the course” you read its "
    "own sentences; a language model on the engine beside the text then puts them into "
    "words of its own."
)
HELP = (
    "I answer questions about this course: serving language models with vLLM, its KV "
    "cache, batching, GPUs, cold starts and costs. Ask in your own words, mark a "
    "sentence of the chapter and press “Explain this”, or ask why a quiz answer was "
    "wrong."
)
FEELING = (
    "I only know this course. If an answer was wrong, mark it so: staff read that."
)
NO_WORDS = "I see no words to look up. Ask me something about the course in a sentence."
NOT_ENGLISH = (
    "I understand English only, as the course is in English. Please ask it again in "
    "English; simple words are enough."
)
CODE = (
    "I look up questions, not code. Say in a sentence what you want to know about it, "
    "for example what a flag of vLLM does."
)
SUM = (
    "I do no sums, I look up what the course says. What a model takes or a card's "
    "hours cost, the calculators of the course work out."
)
NOISE = (
    "I cannot make out a question in that. Ask me something about the course in a "
    "sentence."
)
SHORT = "Say in a sentence what it is about, and I look it up in the course."
MIN_WORDS = 4
"""Fewer strange words are names or slips of the keyboard, not noise."""
MIN_KNOWN = 0.5
"""Share of the words that are English, or the course's."""
MIN_FOREIGN = 2
_SAID = {
    HELLO: r"(?:hello|hi|hey|howdy|greetings|good (?:morning|afternoon|evening|day)|yo)"
    r"(?: there| mentor| again| all| everyone)?(?: how are you(?: doing)?(?: today)?)?"
    r"|how are you(?: doing)?(?: today)?|what'?s up",
    THANKS: r"(?:ok(?:ay)? |great |cool |perfect |many )?(?:thanks?|thx|ty|cheers)"
    r"(?: you)?(?: (?:so much|very much|a lot|a bunch|mentor|again|for .{1,40}))*"
    r"|(?:that|this) (?:was|is) (?:very )?(?:helpful|great|clear|useful)",
    BYE: r"(?:good ?)?bye(?: bye)?|see you(?: later)?|good night|cya",
    AGREED: r"ok(?:ay)?|yes|yeah|yep|no|nope|sure|fine|good|great|cool|nice|wow|"
    r"awesome|perfect|i see|got it|understood|makes sense|never ?mind|alright",
    WHO: r"(?:who|what) (?:are|r) (?:you|u)|who am i (?:talking|speaking) (?:to|with)"
    r"|(?:who|what) (?:made|built|created|wrote) (?:you|this)|what(?: i|')?s your name"
    r"|are you (?:an? )?(?:ai|bot|robot|human|person|machine|real|chatgpt|llm|model|"
    r"language model|program|real person)|(?:tell me about|introduce) yourself"
    r"|which (?:ai |language )?model are you|what model are you"
    r"|how old are you|where (?:are you(?: from)?|do you (?:live|come from))"
    r"|do you (?:love|like|hate|remember|know) me|do you (?:sleep|eat|dream|feel|think)"
    r"|do you have (?:feelings|a name|a body|friends)"
    r"|are you (?:alive|conscious|happy|married|sad|tired)",
    HELP: r"help(?: me)?(?: please)?|(?:please )?help(?: me)?|i need help|/?help"
    r"|what (?:can|could|do) (?:you|i) (?:do|ask|know|answer|help)"
    r"(?: (?:me|you|here|this|with (?:this|that|you|me)|about|for (?:me|you)|now|all))*"
    r"|how (?:do|can) (?:i|you) (?:use|help|ask) (?:you|me|this|this mentor)"
    r"|what (?:is|are) (?:this|you) for|how does this work|can you help(?: me)?"
    r"|what should i ask(?: you)?|what do you know|menu|commands",
    FEELING: r"i (?:love|hate|like) (?:you|this|it)|you(?: are|'re) (?:so |very )?"
    r"(?:stupid|dumb|bad|useless|wrong|great|good|smart|funny|an? idiot)"
    r"|(?:this|that)(?: is|'s)? (?:stupid|bad|wrong|useless|boring)",
}
_SAID[NOT_ENGLISH] = (
    r"hola|bonjour|salut|bonsoir|hallo|guten (?:tag|morgen|abend)|ciao|ol[aá]|privet|"
    r"namaste|merci|danke(?: schön)?|gracias|grazie|obrigad[oa]"
)
_TALK = [(re.compile(f"(?:{said})", re.I), reply) for reply, said in _SAID.items()]
_SMALL_WORDS = {
    "de": "was ist der die das und ein eine wie warum wo wann wer nicht kann ich mir "
    "bitte auf für mit zu im den dem des sind wird hat über kostet brauche viel",
    "fr": "qu est ce que le la les un une des du et pourquoi comment combien je tu il "
    "nous vous dans pour avec sur quel quelle sont peut moi bonjour merci c",
    "es": "qué que es el la los las un una por para cómo como cuánto cuanto cuál cual "
    "dónde yo con del en se puede hola gracias está son funciona",
    "it": "che cosa è il lo la gli un una perché come quanto quale dove io con del "
    "della si può ciao grazie sono nel funziona e",
    "pt": "o que é os as um uma por para como quanto qual onde eu com da em se pode "
    "olá obrigado está são não funciona",
    "nl": "wat is de het een en hoe waarom waar wanneer wie niet kan ik mij graag "
    "op voor met van zijn wordt heeft hoeveel",
}
_FOREIGN = [set(known.split()) for known in _SMALL_WORDS.values()]
_NATIVE = set(
    "what is are the a an and how why where when who not can i me please on for with "
    "of in to do does it this that you your be or if my as was so from at by no more "
    "than then one use me come die den son van op over can't an has have he we us am "
    "there their they which while".split()
)
_CODE = re.compile(
    r"^[ \t]*(?:def \w+\s*\(|class \w+\s*[(:{]|import \w+|from [\w.]+ import|#include|"
    r"(?:const|let|var) \w+ ?=|function \w*\s*\(|SELECT\b.{0,400}\bFROM|INSERT INTO)",
    re.I | re.M | re.S,
)
_SYMBOLS = set("{}();=<>[]|&$\\*")
"""Not those that names of metrics and paths are made of: ``_`` and ``/``."""
MIN_CODE, MIN_SYMBOLS = 12, 0.08
"""Characters of code without a keyword, and the share of them that are symbols."""
_ASKS = re.compile(
    r"\?|\b(?:what|why|how|which|who|when|where|explain|does|can|should|mean)\b", re.I
)


def talk(message: str, is_word: Callable[[str], bool]) -> str:
    """The sentence to say; "" where something is asked.

    ``is_word`` says whether a word in lower case is English or the course's.
    """
    plain = " ".join(re.sub(r"[^\w\s'/]", " ", message.replace("’", "'")).split())
    if not any(map(str.isalnum, plain)):
        return NO_WORDS
    for pattern, reply in _TALK:
        if pattern.fullmatch(plain):
            return reply
    if _is_foreign(plain):
        return NOT_ENGLISH
    if _is_code(message):
        return CODE
    if is_sum(plainly(message)):
        return SUM
    said = [word for word in words(plain) if not word.isdigit()]
    known = sum(is_word(word) for word in said)
    is_noise = len(said) >= MIN_WORDS and known < MIN_KNOWN * len(said)
    return NOISE if is_noise or _is_one_run(plain) else ""


def _is_foreign(plain: str) -> bool:
    """Whether most letters are of another alphabet, or most small words of another
    language."""
    letters = [c for c in plain if c.isalpha()]
    foreign = sum(not unicodedata.name(c, "").startswith("LATIN") for c in letters)
    if foreign * 2 > len(letters):
        return True
    said = plain.casefold().replace("'", " ").split()
    own = sum(word in _NATIVE for word in said)
    others = max(
        sum(word in known for word in said if word not in _NATIVE) for known in _FOREIGN
    )
    return others >= MIN_FOREIGN and others > own


def _is_code(message: str) -> bool:
    """Whether it is code, and nothing is asked of it."""
    if _ASKS.search(message):
        return False
    share = sum(c in _SYMBOLS for c in message) / len(message)
    is_dense = len(message) >= MIN_CODE and share >= MIN_SYMBOLS
    return is_dense or bool(_CODE.search(message))


def _is_one_run(plain: str) -> bool:
    """Whether it is one very long "word"."""
    return max(map(len, plain.split())) > 60
