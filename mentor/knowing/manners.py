"""What surrounds a question and is not asked: a greeting, who asks, how to tell it.

"Hi, I am a manager, tell me in two sentences what a KV cache is" asks what a KV cache
is. Level and length are chosen elsewhere. Pure.
"""

import re

_START = [
    r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|dear \w+)"
    r"(?: (?:there|all|mentor|again|everyone|team|folks))?[ ,.!:;-]+",
    r"(?:ok(?:ay)?|so|well|hm+|um+|sorry|thanks|thank you|great|actually|anyway|btw|"
    r"by the way|basically|honestly|unrelated|off[- ]topic|"
    r"(?:a |just a )?(?:quick|short|stupid|silly|dumb|different|(?:an)?other|new|one|"
    r"one more|one last|last|next|small) question|question)[ ,.!:;-]+",
    r"(?:one (?:more|last)|another|last) thing[,.!:;-]+ *",
    r"(?:i am|i'm|im|i work as|my name is|speaking as|as) (?:an? |the |only |just )?"
    r"(?:[\w-]+ ){0,5}?(?:manager|boss|lead|student|pupil|beginner|newbie|novice|"
    r"developer|engineer|sre|admin|teacher|researcher|scientist|founder|ceo|cto|"
    r"lawyer|designer|analyst|person|guy|here|new|years? old|five|5)"
    r"(?: (?:here|to this|to all this|in this|at this|at \w+|from \w+))?"
    r"(?:[ ,.!:;-]+(?:and |so |but |please )?)",
    r"(?:can|could|would|will) (?:you|u|someone|anybody) (?:please |pls |maybe )?"
    r"(?:explain|tell|clarify|describe|remind)(?: to)?(?: me| us)? ",
    r"(?:explain|tell|clarify|describe|remind)(?: to)?(?: me| us) ",
    r"(?:please|pls|plz|kindly),? ",
    r"(?:i (?:want|would like|wanted|need|'d like) to (?:know|understand|ask)|"
    r"i(?:'m| am) wondering|i wonder|i (?:do not|don't|dont) (?:get|understand)|"
    r"do you know|any idea|can i ask)[ ,:]+",
    r"(?:tell|explain|say|describe|summari[sz]e)(?: it)?(?: to)?(?: me| us)? "
    r"(?:in|with) (?:\w+ )?(?:\w+ )?(?:sentences?|words?|lines?|terms)[ ,:]+",
]
_BEFORE = "(?<![ ,.:;(-])[ ,.:;(-]++"
_END = [
    rf"{_BEFORE}(?:please|pls|plz|thanks|thank you|thx|asap)[.!) ]*",
    rf"{_BEFORE}(?:explain(?:ed)?(?: it)?(?: to me)?|eli5|tell me|in|with) "
    r"?(?:like i(?:'| a)?m (?:five|5)(?: years? old)?|(?:as )?(?:to|for) a "
    r"(?:child|kid|beginner|manager)|(?:very )?(?:simple|plain|easy|your own|few|"
    r"other|one|two|\d+|a few|short|simpler) (?:terms|words?|sentences?|english|"
    r"lines?))[.!) ]*",
    rf"{_BEFORE}(?:i(?:'| a)?m (?:an? )?(?:beginner|new|newbie|student|manager)"
    r"(?: (?:to|at|in) (?:this|all this|it))?)[.!) ]*",
    r" (?:in|of|for|with) (?:vllm|this (?:course|chapter|text)|the (?:course|chapter))"
    r"(?=[?.! ]*$)",
]
_AT_START = [re.compile(rf"^(?:{one})", re.I) for one in _START]
_AT_END = [re.compile(rf"(?:{one})(?=\??$)", re.I) for one in _END]
_CARD = re.compile(r"\b(?:graphics?|video) (?:card|processor|adapter)(s?)\b", re.I)
MIN_LETTERS = 4
"""What would leave less is left as it is."""


def plainly(question: str) -> str:
    """The question without them, and with the course's word for a graphics card."""
    text = " ".join(question.replace("’", "'").split())
    for _ in range(4):
        before = text
        for pattern in (*_AT_START, *_AT_END):
            rest = pattern.sub("", text, count=1).strip()
            if sum(map(str.isalnum, rest)) >= MIN_LETTERS and " " in rest:
                text = rest
        if text == before:
            break
    return _CARD.sub(r"GPU\1", text)
