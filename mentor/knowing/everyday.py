"""A situation in everyday words is looked up in the course's: customers are users, a
document that is pasted is a long prompt, "kicked out" is preempted.

The sentence model puts "Two students upload the same PDF" far from "Two requests begin
with the same prompt"; a reader who knows the course does not. Pure.
"""

import re

_PEOPLE = (
    "customers|students|pupils|employees|colleagues|co-?workers|folks|guests|"
    "subscribers|participants|teammates|clerks|shoppers|patients|players|lawyers|nurses"
)
_ONE_OF_THEM = (
    "customer|student|pupil|employee|co-?worker|guest|subscriber|participant|teammate|"
    "clerk|shopper|player"
)
_PAPERS = (
    r"(?:\d+[ -]page )?(?:pdfs?|documents?|books?|novels?|contracts?|reports?|"
    r"transcripts?|log ?files?|logs|articles?|essays?|manuals?|files?|thes[ie]s|"
    r"manuscripts?|bible|pages|code ?bases?|e-?mails?)"
)
_SIZE = (
    r"(?:(?:whole|huge|long|entire|giant|enormous|massive|large|big|very|fat|same) )*"
)
_SAYS = (
    r"says?|said|claims?|claimed|thinks?|thought|told (?:me|us)|reckons?|believes?|"
    r"insists?|argues?|swears?|keeps? saying|tells? me|heard|read somewhere"
)
_WHO = (
    r"(?:boss|manager|colleague|co-?worker|friend|flatmate|room ?mate|teacher|"
    r"professor|brother|sister|neighbou?r|mate|admin(?:istrator)?|supervisor|tutor|cto|uncle|"
    r"classmate|team ?lead|lead|buddy)"
)
_WORDS: tuple[tuple[str, str], ...] = (
    # who told it
    (
        rf"\b(?:my|our|a|the) {_WHO} (?:{_SAYS})"
        r"(?: that(?! (?:is|was|are|will|would|can|should)\b)|:|,)? ",
        "",
    ),
    (rf"\b(?:i|we)(?: have| just)? (?:{_SAYS})(?: that|:|,) ", ""),
    (
        r"^(?:my|our|an?|the) (?:[\w-]+ ){1,2}?(?:wants? to know|asks?(?: me| us)?|"
        r"asked(?: me| us)?|wonders?|would like to know) "
        r"(?=(?:what|why|how|which|when|where|who|if|whether)\b)",
        "",
    ),
    (
        r"(?<=[.?!] )what (?:do|shall|should|can|could|would) (?:i|we) "
        r"(?:tell|answer|say(?: to)?|reply(?: to)?)(?: (?:him|her|them|it))?\W*$",
        "",
    ),
    # who asks
    (rf"\b(?:{_PEOPLE})\b", "users"),
    (rf"\b(?:{_ONE_OF_THEM})\b", "user"),
    (r"\b(?:chat ?)?bots?\b", "model"),
    # what is sent and what is written
    (
        rf"\b(past\w*|upload\w*|drop\w*|feed\w*|fed|attach\w*|submit\w*|send\w*|sent|"
        r"put\w*)( (?:in|me|us|it|you))?( (?:an?|the|his|her|their|my|our|in))? "
        rf"{_SIZE}"
        rf"{_PAPERS}\b",
        r"\1\3 long prompt",
    ),
    (
        r"(?<!you )(?<=\w )\b(order\w*|writ\w*|wants?|ask\w* for|generat\w*|"
        r"request\w*)( an?| the)? "
        rf"{_SIZE}(?:novel|essay|story|poem|saga|book|report|thesis|epic)\b",
        r"\1\2 long answer",
    ),
    (
        r"\b(?:re-?reads?|reads? (?:it|everything|all) (?:again|anew))\b",
        "computes again",
    ),
    (r"\bfirst words?\b", "first token"),
    (r"\b(words|syllables) (a|per|each|every) second\b", r"tokens \2 second"),
    (r"\b(per|each|every) word\b", r"\1 token"),
    # the engine's work
    (
        r"\b(each|every|one|per|a single) (?:round|tick|iteration|cycle)\b(?! robin)",
        r"\1 step",
    ),
    (r"\bseats?\b", "place in the batch"),
    (r"\bquits?\b", "leaves"),
    (
        r"\b(?:kicked|thrown|pushed|bumped|booted|shoved|tossed) (?:out|off)\b",
        "preempted",
    ),
    (r"\bstand(?:s|ing)? in (?:a )?(?:line|queue)\b", "waiting in the queue"),
    (
        r"\b(?:pieces?|chunks?|portions?|bits?) of (?=(?:the |my |our |a )?"
        r"(?:cache|memory|conversation|chat|text)\b)",
        "block of ",
    ),
    (r"\brounded\b(?! up| down)", "quantised"),
    (r"\bspecialists?\b", "experts"),
    # machines and renting
    (r"\b(?:graphics|video) cards?\b|\baccelerators?\b", "GPU"),
    (r"\b(\d+)? ?gigs?\b", r"\1 GB"),
    (r"\binvoices?\b", "bill"),
    (r"\b(?:cloud|lambda) functions?\b", "serverless handler"),
    (
        r"(?<!between )(?<!across )(?<!over )(?<!on )\b(two|three|four|five|several|"
        r"more|many|extra|further|additional) (?:servers|copies|clones|twins|engines)\b"
        r"(?! (?:of the weights|connected|linked))",
        r"\1 replicas",
    ),
    (
        r"(?<!on )\b(another|a second|one more|an extra|a further|an additional) "
        r"(?:server|copy|clone|twin|engine)\b(?! of the weights)",
        r"\1 replica",
    ),
    (r"\bload[ -]?balancers?\b", "router"),
    (r"\bthe thing (?=in front of\b)", "the router "),
    (
        r"\b(?:yawns?|is bored|twiddles? (?:its|his) thumbs|sits? idle|sits? around|"
        r"has nothing to do)\b",
        "is idle",
    ),
    (r"\b(?:stampedes?|onslaughts?|spikes?|rush(?:es)? of)\b", "burst"),
    (r"\b(?:boots?|booting|spins? up|spinning up|fires? up|firing up)\b", "start"),
    (r"\b(?:crawls?|sluggish|like a snail)\b", "slow"),
    (
        r"\b(?:link|cable)s? (?=between (?:the |two |my |our )?(?:GPUs?|cards?)\b)",
        "wire ",
    ),
    (r"\b24 ?/ ?7\b", "around the clock"),
    (
        r"\bpay[- ](?:as[- ]you[- ]go|per[- ]use|by use)\b|\brent(?:ing|ed)? by use\b",
        "serverless",
    ),
    (
        r"\b(?:dedicated|always[- ]on) (machines?|servers?|instances?|GPUs?)\b",
        r"provisioned \1",
    ),
    (r"\b(?:tipping|turning|cross[- ]?over|crossing) points?\b", "break-even"),
    (
        r"\b(?:grace period|cool[- ]?down(?: period| time)?|keep[- ]?alive "
        r"(?:time|period|setting)|lingering time)\b",
        "idle timeout",
    ),
    (r"\b(?:lingers?|hangs? around)\b", "stays up"),
    (
        r"\b(?:interruptible|preemptible) (?:machines?|instances?|vms?|capacity)\b",
        "spot instances",
    ),
    (
        r"\b(?:one|two|three|four|five|\d)[- ]years? "
        r"(?:contract|commitment|deal|term)\b"
        r"|\blong[- ]term (?:contract|commitment|deal)\b",
        "reserved capacity",
    ),
    (r"\b(?:hibernat\w+|doz(?:e|es|ing))\b", "sleep mode"),
    (r"\bthaw(?:s|ed|ing)?\b", "restore"),
    (
        r"\bfreez(?:e|es|ing) (?=an? (?:\w+ )?(?:process|engine|program|worker))",
        "snapshot of ",
    ),
    (r"\b(?:student|apprentice) model\b", "distilled model"),
    (r"\bassembly line\b|\brelay race\b|\bbucket (?:chain|brigade)\b", "pipeline"),
    (r"\b(?:whole|entire) (?:city|town|stadium|university)\b", "10,000 people"),
    # speed and measures
    (
        r"\b(?:delay|pause|silence|wait|gap|lag|blank screen|nothing) "
        r"(?:before|until|till) "
        r"(?:it|anything|something|the (?:answer|reply|text|first token|model|output))"
        r"(?: (?:starts?|begins?|appears?|comes?|shows?(?: up)?|answers?|arrives?))?",
        "time to first token",
    ),
    (
        r"\b(?:pause|gap|delay|lag|time) between (?:two |the |single |individual )?"
        r"words\b"
        r"|\b(?:typing (?:speed|pace|rate)|speed of typing)\b",
        "time between tokens",
    ),
    (r"\b(?:SLAs?|SLOs?|deadlines?)\b", "latency goals"),
    (r"\b(?:gauges?|dials?|meters?|indicators?)\b", "metric"),
    (r"\brepl(?:y|ies)\b(?! to)", "answer"),
    (r"\b(?:spits?|spat|churns?|pumps?) out\b", "writes"),
    (r"\b(?:digest|ingest|swallow|chew)(?:s|ed|ing)?\b", "read"),
    (r"\b(?:lumped|bundled|grouped|packed) together\b", "batched"),
    (
        r"\b(?:low(?:er)?|less|reduced) precision\b|\bfewer digits\b",
        "quantised to fewer bits",
    ),
    (
        r"\b(small|little|tiny|cheap) (?:\w+ )?(?:helper|sidekick|assistant|model) "
        r"(?:guess|draft|propos|suggest)\w*",
        r"\1 model guesses",
    ),
    (r"\b(?:nods?|rubber[- ]?stamps?|signs? off|approves?)\b", "checks"),
    (
        r"\b(?:who|what) (?:knows|remembers|keeps track of|notes|records)"
        r"(?: of)? where\b",
        "which table says where",
    ),
    (
        r"\b(?:short[- ]term|working) memory\b|\bmemory of (?:the|my|a) "
        r"(?:chat|conversation|talk|session)\b",
        "KV cache",
    ),
    (
        r"\b(?:preamble|boilerplate|introductory text|opening lines?)\b",
        "beginning of the prompt",
    ),
    # how it is set
    (r"\b(which|what) (?:option|setting|knob|switch|toggle|argument)\b", r"\1 flag"),
    (r"\b(the|my|our) ya?ml\b", r"\1 manifest"),
    (r"\b(?:researchers|scientists|academics)\b", "authors of the paper"),
)
RULES = tuple((re.compile(pattern, re.I), words) for pattern, words in _WORDS)


def in_the_courses_words(question: str) -> str:
    """``question`` with what stands for something of the course under its name."""
    text = question
    for pattern, words in RULES:
        text = pattern.sub(words, text)
    return " ".join(text.split())
