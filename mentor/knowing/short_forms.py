"""What learners shorten is written out: "reqs", "TP", "k8s", "10k", "4th".

Notes and paragraphs have whole words; a short form is a rare word that none of them
has, and speaks against an answer that is the right one. Pure.
"""

import re

_WORDS = {
    "ppl": "people", "u": "you", "ur": "your", "pls": "please", "plz": "please",
    "bc": "because", "cuz": "because", "coz": "because", "btw": "by the way",
    "diff": "difference", "approx": "about", "acc": "according", "wtf": "", "guys": "",
    "max": "maximum", "min": "minimum", "avg": "average", "sec": "seconds",
    "secs": "seconds", "mins": "minutes", "hr": "hour", "hrs": "hours",
    "msg": "message", "msgs": "messages", "info": "information", "config": "settings",
    "req": "request", "reqs": "requests", "params": "parameters", "param": "parameter",
    "mem": "memory", "vram": "GPU memory", "ctx": "context", "quant": "quantisation",
    "tok": "tokens", "toks": "tokens", "util": "utilisation", "perf": "performance",
    "k8s": "Kubernetes", "kube": "Kubernetes", "img": "image", "sys": "system",
    "tp": "tensor parallelism", "pp": "pipeline parallelism",
    "ep": "expert parallelism", "dp": "data parallelism", "paged attention":
    "PagedAttention", "pagedattn": "PagedAttention", "attn": "attention",
    "fp16": "16 bits", "bf16": "16 bits", "16bit": "16 bits", "int4": "4 bits",
    "int8": "8 bits", "4bit": "4 bits", "8bit": "8 bits", "coldstart": "cold start",
    "coldstarts": "cold starts", "sysprompt": "system prompt", "specdec":
    "speculative decoding", "1st": "first", "2nd": "second", "3rd": "third",
    "4th": "fourth", "shd": "should", "w/": "with", "w/o": "without",
    "thx": "thanks", "breakeven": "break-even", "gpus": "GPUs", "u star": "break-even",
    "u*": "break-even", "isnt": "is not", "arent": "are not", "cant": "cannot",
    "dont": "do not", "doesnt": "does not", "didnt": "did not", "wont": "will not",
    "wasnt": "was not", "couldnt": "could not", "shouldnt": "should not",
    "wouldnt": "would not", "havent": "have not", "hasnt": "has not",
    "incl": "including", "whats": "what is",
    "admin": "administrator", "admins": "administrators",
}  # fmt: skip
_LONGEST_FIRST = "|".join(map(re.escape, sorted(_WORDS, key=len, reverse=True)))
_SHORT = re.compile(rf"(?<![\w./-])(?:{_LONGEST_FIRST})(?![\w/]|-\w)", re.I)
_THOUSANDS = re.compile(r"(?<![\w.,/-])(\d{1,3})k(?![\w/])", re.I)
_LONG_NUMBER = re.compile(r"(?<![\w.,/-])(\d{1,3})(\d{3})(?![\w,/-]|\.\d)")


def written_out(question: str) -> str:
    """``question`` with short forms and numbers as the course writes them."""
    text = _SHORT.sub(lambda match: _WORDS[match[0].lower()], question)
    text = _THOUSANDS.sub(r"\1,000", text)
    text = _LONG_NUMBER.sub(r"\1,\2", text)
    return " ".join(text.split())
