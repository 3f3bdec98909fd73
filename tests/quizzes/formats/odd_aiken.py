"""Aiken and Moodle XML as strangers write them; see odd_files."""

from tests.quizzes.formats.odd_files import PNG, TRUE, odd

CARD = "Which?\nA) x\nB) y\nANSWER: B\n"
RIGHT_Y = {"kind": "single", "text": "Which?", "right": ["y"]}


def card(*changes: str) -> str:
    """The file with some of its letters changed: old, new, old, new."""
    text = CARD
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        text = text.replace(old, new)
    return text


AIKEN = [
    odd("parentheses", card("A)", "(A)", "B)", "(B)"), RIGHT_Y),
    odd("brackets", card("A)", "[A]", "B)", "[B]"), RIGHT_Y),
    odd("colons", card("A)", "A:", "B)", "B:"), RIGHT_Y),
    odd("dashes", card("A)", "A -", "B)", "B –"), RIGHT_Y),
    odd("a space before", card("A)", "A )", "B)", "B )"), RIGHT_Y),
    odd("full-width marks", card("A) ", "A）", "B) ", "B）"), RIGHT_Y),
    odd("full-width letters", card("A)", "Ａ)", "B)", "Ｂ)", ": B", ": Ｂ"), RIGHT_Y),
    odd("chinese commas", card("A) ", "A、", "B) ", "B、"), RIGHT_Y),
    odd("hebrew", card("A)", "א)", "B)", "ב)", ": B", ": ב"), RIGHT_Y),
    odd("greek", card("A)", "Α)", "B)", "Β)", ": B", ": Β"), RIGHT_Y),
    odd("arabic", card("A)", "أ)", "B)", "ب)", ": B", ": ب"), RIGHT_Y),
    odd("braces in a text", card("Which?", "Which is in {a = b}?"),
        {"kind": "single", "text": "Which is in {{a = b}}?", "right": ["y"]}),
    odd("code in braces", card("Which?", "What does f() { x = 1; } do?") * 3,
        {"kind": "single", "right": ["y"]}),
    odd("cyrillic A among latin", card("A)", "А)"), RIGHT_Y),
    odd("cyrillic answer", card(": B", ": В"), RIGHT_Y),
    odd("mac ends", CARD.replace("\n", "\r"), RIGHT_Y),
    odd("unseen", CARD.replace("\n", "\u200b\n\u200f"), RIGHT_Y),
    odd("no colon", card("ANSWER:", "ANSWER"), RIGHT_Y),
    odd("semicolon", card("ANSWER:", "ANSWER;"), RIGHT_Y),
    odd("full-width colon", card("ANSWER: ", "ANSWER："), RIGHT_Y),
    odd("answers", card("ANSWER", "ANSWERS"), RIGHT_Y),
    odd("german", card("ANSWER", "ANTWORT"), RIGHT_Y, "'ANTWORT' is read as ANSWER"),
    odd("french", card("ANSWER", "Réponse"), RIGHT_Y, "'Réponse' is read"),
    odd("spanish", card("ANSWER", "RESPUESTA"), RIGHT_Y),
    odd("russian", card("ANSWER", "ОТВЕТ"), RIGHT_Y),
    odd("chinese", card("ANSWER", "答案"), RIGHT_Y),
    odd("correct answer", card("ANSWER", "Correct answer"), RIGHT_Y),
    odd("quoted", card(": B", ': "B"'), RIGHT_Y),
    odd("with a reason", card(": B", ": B - because"), RIGHT_Y, "'- because' after"),
    odd("its text", card(": B", ": y"), RIGHT_Y),
    odd("letters together", card("B) y", "B) y\nC) z", ": B", ": AC"),
        {"kind": "multiple", "right": ["x", "z"]}, "is read as several letters"),
    odd("a slash", card("B) y", "B) y\nC) z", ": B", ": A/C"),
        {"kind": "multiple", "right": ["x", "z"]}),
    odd("feedback before", card("ANSWER", "FEEDBACK: so\nANSWER"),
        RIGHT_Y | {"explanation": "so"}),
    odd("explanation", CARD + "EXPLANATION: so\n", RIGHT_Y | {"explanation": "so"}),
    odd("long feedback", f"{CARD}FEEDBACK: so\nand so\n\n{CARD}",
        RIGHT_Y | {"explanation": "so and so"}),
    odd("feedback, then a question", f"{CARD}FEEDBACK: so\n{CARD}",
        RIGHT_Y | {"explanation": "so"}, "2 imported, 0 refused"),
    odd("option without a text", f"{card('B) y', 'B)')}\n{CARD}", RIGHT_Y,
        "line 3, 'Which?': the option B has no text"),
    odd("option twice", card("B) y", "B) y\nC) x\nD) x", ": B", ": B"), RIGHT_Y,
        "the second choice 'x'"),
    odd("right and wrong", f"{card('B) y', 'B) x')}\n{CARD}", RIGHT_Y,
        "'x' is right and wrong"),
    odd("html", card("A) x", "A) <i>x</i>"), RIGHT_Y, "its HTML is shown"),
    odd("formula", card("A) x", "A) $x_1$"), RIGHT_Y, "its LaTeX is shown"),
    odd("star", card("A)", "*A)", "ANSWER: B\n", "") + f"\n{CARD}", {"right": ["y"]},
        "a blank line within its text"),
    odd("fence", f"```\n{CARD}```\n", RIGHT_Y, "the fences of Markdown"),
    odd("bold answer", card("ANSWER: B", "**Answer: B**"), RIGHT_Y,
        "marks of Markdown before its options"),
    odd("bold letter", card("ANSWER: B", "Answer: **B**"), RIGHT_Y),
    odd("bold options", card("A)", "**A)**", "B)", "**B)**"), RIGHT_Y),
    odd("list of options", card("A)", "- A)", "B)", "* B)"), RIGHT_Y),
    odd("powers", card("A) x", "A) 2**3", "B) y", "B) 2**4", ": B", ": A"),
        {"right": ["2**3"]}),
    odd("bold text", card("Which?", "**Which?**"), {"text": "**Which?**"},
        "its Markdown is shown"),
    odd("no letters", card("A) ", "", "B) ", "") + f"\n{CARD}", RIGHT_Y,
        "an option begins with A)"),
    odd("no answer", "Which?\nA) x\nB) y\n", None, "has no ANSWER"),
]  # fmt: skip


def asked(kind: str, inner: str, text: str = "Q?", name: str = "Q") -> str:
    """One question of Moodle's."""
    return (
        f'<question type="{kind}"><name><text>{name}</text></name>'
        f'<questiontext format="html"><text><![CDATA[{text}]]></text></questiontext>'
        f"{inner}</question>"
    )


def answer(fraction: str, text: str) -> str:
    """One answer."""
    return f'<answer fraction="{fraction}"><text>{text}</text></answer>'


YES = answer("100", "true") + answer("0", "false")
HEAD = '<?xml version="1.0" encoding="{}"?>'


def quiz(*questions: str, head: str = "") -> str:
    """A file."""
    return f"{head}<quiz>{''.join(questions)}</quiz>"


ASKS = quiz(asked("truefalse", YES))
MOODLE = [
    odd("lines before", f"\n\n{HEAD.format('UTF-8')}{ASKS}", TRUE),
    odd("utf-16", (HEAD.format("UTF-16") + ASKS).encode("utf-16"), TRUE),
    odd("utf-16 called utf-8", (HEAD.format("UTF-8") + ASKS).encode("utf-16"), TRUE),
    odd("cp1252", (HEAD.format("windows-1252") + ASKS.replace("Q?", "“Ü”?")).encode(
        "cp1252"), TRUE | {"text": "“Ü”?"}),
    odd("shift-jis", (HEAD.format("Shift_JIS") + ASKS.replace("Q?", "何?")).encode(
        "shift_jis"), {"text": "何?"}),
    odd("latin-1, not declared", ASKS.replace("Q?", "Ü?").encode("latin-1"), None,
        "name what it is"),
    odd("unknown letters", HEAD.format("elvish") + ASKS, None, "no encoding 'elvish'"),
    odd("namespace", ASKS.replace("<quiz", '<m:quiz xmlns:m="x"').replace(
        "</quiz", "</m:quiz"), TRUE),
    odd("after an instruction", f'<?made by="x"?>\n<!-- {"no " * 99}-->\n{ASKS}', TRUE),
    odd("after a comment", f"<!-- quiz of the week -->{ASKS}", TRUE),
    odd("of another program", "<sections><question>Q?</question></sections>", None,
        "not <sections>: this is another XML"),
    odd("no question", ASKS.replace("<quiz>", "<quiz>\n<category><text>c</text>"
        "</category>"), TRUE, "line 2: <category>, which is no question"),
    odd("fence", f"Here:\n\n```xml\n{HEAD.format('UTF-8')}{ASKS}\n```\n", TRUE,
        "Its questions are read one by one"),
    odd("no quiz around", asked("truefalse", YES), TRUE),
    odd("two without quiz", asked("truefalse", YES) * 2, TRUE, "one by one"),
    odd("no quiz in it", quiz(), None, "there is no question"),
    odd("nbsp", ASKS.replace("<![CDATA[Q?]]>", "a&nbsp;b?"), {"text": "a b?"}),
    odd("html outside cdata", ASKS.replace("<![CDATA[Q?]]>", "<p>a <b>b</b>?</p>"),
        {"text": "a b?"}, "without <b>"),
    odd("no text element", ASKS.replace("<text><![CDATA[Q?]]></text>", "Q?"),
        {"text": "Q?"}),
    odd("ampersand", quiz(asked("truefalse", YES), asked("truefalse", YES).replace(
        "<![CDATA[Q?]]>", "a & b")), TRUE | {"text": "Q?"},
        "refused: line 1, 'Q': not XML"),
    odd("control", quiz(asked("truefalse", YES, "a\x0bb"), asked("truefalse", YES)),
        TRUE | {"text": "Q?"}, "refused: line 1, 'Q': not XML"),
    odd("mark without quotes", quiz(asked("truefalse", YES).replace('"html"', "html"),
        asked("truefalse", YES)), TRUE, "refused: line 1, 'Q': not XML"),
    odd("half", quiz(asked("truefalse", YES), "\n" + asked("truefalse", YES))[:-60],
        TRUE, "refused: line 2, 'Q': not XML"),
    odd("large type", quiz(asked("TrueFalse", YES)), TRUE),
    odd("no type", quiz("<question/>", asked("truefalse", YES)), TRUE,
        "without a type"),
    odd("other kinds", quiz(asked("stack", ""), asked("truefalse", YES)), TRUE,
        "Moodle's kind 'stack'"),
    odd("german truth", quiz(asked("truefalse", answer("0", "Wahr") + answer(
        "100", "Falsch"))), {"answer": False}, "are read as true and false"),
    odd("neither true", quiz(asked("truefalse", answer("0", "true") + answer(
        "0", "false")), asked("truefalse", YES)), TRUE, "earn the same"),
    odd("comma", quiz(asked("multichoice", "<single>false</single>" + answer(
        "33,3", "a") + answer("66,7", "b"))), {"kind": "multiple"}, "comma of the"),
    odd("infinite", quiz(asked("multichoice", answer("inf", "a") + answer("0", "b")),
        asked("truefalse", YES)), TRUE, "'inf' is no number of per cent"),
    odd("no fraction", quiz(asked("multichoice", answer("", "a") + answer(
        "100", "b"))), {"right": ["b"]}),
    odd("html answer", quiz(asked("shortanswer", answer("100", "&lt;i>x&lt;/i>"))),
        {"accepted": ["<i>x</i>"]}, "typed with its HTML"),
    odd("html name", quiz(asked("truefalse", YES, name="&lt;b&gt;N&lt;/b&gt;")),
        {"title": "N", "id": "n"}, "without <b>"),
    odd("number of id", quiz(asked("truefalse", f"{YES}<idnumber>7 a</idnumber>")),
        {"id": "7-a"}, "its id '7 a'"),
    odd("unknown gap", quiz(asked("cloze", "", "{1:SA:=a} {1:XX:=b}")),
        {"accepted": ["a"]}, "'{1:XX:' begins no known gap"),
    odd("hints of gaps", quiz(asked("cloze", "<hint><text>h</text></hint>",
        "A {1:SA:=a}")), {"hints": ["h"]}),
    odd("old name of cloze", quiz(asked("multianswer", "", "A {1:SA:=a}")),
        {"text": "A _____"}),
    odd("long name of a file", quiz(asked("truefalse", YES).replace(
        "</text></questiontext>", f'</text><file name="{"n" * 300}.png">{PNG}</file>'
        "</questiontext>")), TRUE, f"image: IMAGES/{'n' * 60}.png"),
    odd("path of a file", quiz(asked("truefalse", YES).replace(
        "</text></questiontext>", f'</text><file name="../../x.png">{PNG}</file>'
        "</questiontext>")), TRUE, "image: IMAGES/x.png"),
]  # fmt: skip
