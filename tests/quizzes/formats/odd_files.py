"""Files as strangers have them: what is asked of each, and what is said of it.

A row is a name, the bytes, the fields of the first question (None: the file is
refused), and what stands in what the command says. Moodle's own reader is the measure
(docs/quizzes.md has the table); each file is made up here.
"""

from typing import Any, NamedTuple

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
"""The first bytes of an image."""


class Odd(NamedTuple):
    """One file."""

    name: str
    raw: bytes
    first: dict[str, Any] | None
    says: str = ""


def odd(name: str, raw: str | bytes, first: Any, says: str = "") -> Odd:
    """A row whose file may be given as text."""
    return Odd(name, raw.encode() if isinstance(raw, str) else raw, first, says)


TRUE = {"kind": "truefalse", "answer": True}
FILES = [
    odd("rtf", "{\\rtf1\\ansi ::Q::Is it?\\{T\\}\\par}", None, "this is RTF"),
    odd("docx", b"PK\x03\x04" + bytes(200), None, "a ZIP archive, as files of Word"),
    odd("doc", b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(99), None, "an older Word or Excel"),
    odd("pdf", b"%PDF-1.7\n%\xe2\xe3\n", None, "this is a PDF"),
    odd("png", b"\x89PNG\r\n\x1a\n" + bytes(20), None, "this is an image"),
    odd("backup", b"\x1f\x8b\x08" + bytes(20), None, "as a Moodle backup is"),
    odd("page", "<!DOCTYPE html>\n<p>Is it? {T}</p>", None, "this is a web page"),
    odd("json", '{"questions": [{"text": "Is it?"}]}', None, "this is JSON"),
    odd("json list", '[{"text": "Is it?"}]', None, "this is JSON"),
    odd("csv", 'question,a,b,right\n"One, or?",x,y,2\nTwo,x,y,1', None,
        "this is a table, as CSV is"),
    odd("semicolons", "Frage;A;B;C\nWas?;x;y;B\n", None, "this is a table"),
    odd("tabs", "Q\tA\tB\tRight\nWhat?\tx\ty\tB\n", None, "this is a table"),
    odd("qti 1.2", "<questestinterop><assessment/></questestinterop>", None,
        "this is QTI 1.2"),
    odd("qti 2", "<?xml version='1.0'?><assessmentItem identifier='a'/>", None,
        "this is QTI 2"),
    odd("qti 3", "<qti-assessment-item identifier='a'/>", None, "this is QTI 3"),
    odd("manifest", "<manifest/>", None, "the manifest of a package"),
    odd("pool", "<?xml version='1.0'?><POOL/>", None, "a pool of Blackboard"),
    odd("questions.xml", "<question_categories/>", None, "part of a Moodle backup"),
    odd("other xml", "<?xml version='1.0'?><recipe/>", None, "this is another XML"),
    odd("empty", "", None, "there is no question in this file"),
    odd("blank", "\r\n \r\n", None, "there is no question in this file"),
    odd("only a mark", b"\xef\xbb\xbf", None, "there is no question in this file"),
    odd("only comments", "// a\n// b\n", None, "there is no question in this file"),
    odd("only a text", "Read this.", None, "nothing imported"),
    odd("only an essay", "Write. {}", None, "nothing imported"),
]  # fmt: skip
LETTERS = [
    odd("utf-16 le", "Größe? {T}".encode("utf-16"), TRUE | {"text": "Größe?"}),
    odd("utf-16 be", b"\xfe\xff" + "Größe? {T}".encode("utf-16-be"), TRUE),
    odd("utf-32", "Größe? {T}".encode("utf-32"), TRUE | {"text": "Größe?"}),
    odd("utf-16 le without", "Is it? {T}".encode("utf-16-le"), None, "utf-16-le"),
    odd("utf-16 be without", "Is it? {T}".encode("utf-16-be"), None, "utf-16-be"),
    odd("cut utf-16", "Is it? {T}".encode("utf-16") + b"x", TRUE, "it is cut off"),
    odd("cut utf-8", "Is it? {T}\n\nÉté? {T}\n\né".encode()[:-1], TRUE,
        "line 5: the file ends within a letter"),
    odd("zero byte", b"Is it? {T}\n\0\n", None, "line 2: this has a zero byte"),
    odd("latin-1", "Größe? {T}".encode("latin-1"), None, "--encoding windows-1252"),
    odd("shift-jis", "これは？ {T}".encode("shift_jis"), None, "shift_jis"),
    odd("surrogate", b"Is \xed\xa0\x80 it? {T}", None, "this is not UTF-8"),
    odd("control", "Is\x07 it? {T}\n\nSo? {T}", TRUE | {"text": "So?"},
        "no control characters"),
    odd("noncharacter", "Is \ufdd0 it? {T}", TRUE | {"text": "Is \ufffd it?"}),
    odd("private use", "Is \ue100 it? {T}", TRUE | {"text": "Is \ue100 it?"}),
    odd("zero width", "\u200bIs it? {T\u200b}", TRUE | {"text": "Is it?"}),
    odd("zero width marks", "\u200b::T::Which? {\u200b=a \u200b~b}",
        {"title": "T", "kind": "single"}),
    odd("mark in the middle", "::A::One? {T}\n\n\ufeff::B::Two? {F}", {"title": "A"}),
    odd("directions", "\u202b::X::מה? {=א ~ב}\u202c", {"title": "X", "text": "מה?"}),
    odd("joiners stay", "می\u200cخواهم؟ {T}", {"text": "می\u200cخواهم؟"}),
    odd("family", "Is it 👩\u200d👧? {T}", {"text": "Is it 👩\u200d👧?"}),
    odd("mac ends", "One? {T}\r\rTwo? {F}\r", TRUE | {"text": "One?"}),
    odd("word's line", "One\u2028two? {T}", {"text": "One two?"}),
    odd("nel", "One? {T}\x85\x85Two? {F}", TRUE | {"text": "One?"}),
    odd("no-break spaces", "Q? {\n\u00a0=a\n\u00a0~b\n}\n\u00a0\nR? {T}",
        {"kind": "single"}),
    odd("arabic", "::سؤال::ما هذا؟ {=كتاب ~قلم}", {"title": "سؤال", "id": "sul"}),
    odd("emoji", "::😀::Which? {=🎉 ~🎂}", {"id": "grinning", "title": "😀"}),
]  # fmt: skip
GIFT = [
    odd("comma in a weight", "Q? {~%33,3%a ~%33,3%b ~%33,4%c}", {"kind": "multiple"},
        "the weight '%33,3%' is read as %33.3%"),
    odd("spaces in a weight", "Q? {~% 50 %a ~%50 %b}", {"kind": "multiple"},
        "is read as %50%"),
    odd("open weight", "Q? {=a ~%50b}", {"kind": "single"}, "'%50b' is read as text"),
    odd("weight of a pair", "Q? {=%50%a -> b =%50%c -> d}",
        {"pairs": [{"left": "a", "right": "b"}, {"left": "c", "right": "d"}]},
        "the weight %50% of a pair"),
    odd("essay with feedback", "Write. {####Model}\n\nIs it? {T}", TRUE, "an essay"),
    odd("blank line in a text", "[markdown]Read.\n\n{T}\n\nSo? {T}",
        TRUE | {"text": "So?"}, "no text stands before its braces"),
    odd("word's arrows", "Q? {=a → b =c → d}", {"kind": "matching"},
        "its arrows are read as '->'"),
    odd("en dash arrows", "Q? {=a –> b =c –> d}", {"kind": "matching"}, "its arrows"),
    odd("long arrows", "Q? {=a --> b =c --> d}",
        {"pairs": [{"left": "a", "right": "b"}, {"left": "c", "right": "d"}]},
        "'-->' is read as '->'"),
    odd("one arrow is a text", "Q? {=a → b}", {"kind": "shorttext"}),
    odd("partner in html", "[html]Q? {=a -> <i>1</i> =b -> 2}", {"kind": "matching"},
        "the partner '<i>1</i>' is shown with its HTML"),
    odd("answer in html", "Q? {=&lt;b&gt;}", {"accepted": ["&lt;b&gt;"]},
        "to be typed with its HTML"),
    odd("category small", "$category: x\n\nQ? {T}", {"tags": ["x"]}),
    odd("category spaced", "$CATEGORY : x\n\nQ? {T}", {"tags": ["x"]}),
    odd("category top", "$CATEGORY: $course$/top\n\nQ? {T}", {"text": "Q?"}),
    odd("category slashes", "$CATEGORY: top/TCP//IP\n\nQ? {T}", {"tags": ["TCP/IP"]}),
    odd("category escaped", "$CATEGORY: a\\:b\n\nQ? {T}", {"tags": ["a:b"]}),
    odd("category html", "$CATEGORY: <b>X</b> &amp; Y\n\nQ? {T}", {"tags": ["X & Y"]}),
    odd("comment after", "Q? {T} // yes", TRUE, "'// yes' is read as text"),
    odd("large mark", "[HTML]<p>Q?</p> {T}", TRUE | {"text": "Q?"}),
    odd("mark before title", "[html]::T::<p>Q?</p> {T}", {"title": "T", "text": "Q?"}),
    odd("html in a title", "::<b>T</b> &amp; U::Q? {T}", {"title": "T & U"},
        "without <b>"),
    odd("title with marks", "::a = b ~ c # d::Q? {T}", {"title": "a = b ~ c # d"}),
    odd("open = in a tag", '[html]Q? {=<img src="a.png"> ~b}', {"kind": "single"},
        "is read as part of the tag"),
    odd("open marks in a link", '[html]Q? {~<a href="http://x.org/#p=1">a</a> =b}',
        {"kind": "single"}, "is read as part of the tag"),
    odd("open = in a formula", "Q? {~$x=1$ =$y$}", {"kind": "multiple"},
        "'$x=1$' is divided at a mark"),
    odd("open ~ in a formula", "Q? {=$a~b$ ~$c$}", {"kind": "single"},
        "'$a~b$' is divided at a mark"),
    odd("prices", "Q? {~$5 =$6 ~$7 ~$8}", {"kind": "single"}),
    odd("open = in an address", "Q? {=http://x.org/a?b=1 ~ftp}", {"kind": "multiple"},
        "an = right after 'b' begins another right answer"),
    odd("two on a line", "::A::One? {T} ::B::Two? {F}\n\nSo? {T}",
        TRUE | {"text": "So?"}, "several questions on one line"),
    odd("path", "In C:\\new? {T}", TRUE, "'\\n' in a path"),
    odd("path within", "In C:\\temp\\new? {T}", TRUE, "'\\n' in a path"),
    odd("unknown gap", "A {1:XX:=a~b}\n\nSo? {T}", TRUE | {"text": "So?"},
        "'1:XX:' begins no kind of gap"),
    odd("gap alone", "{1:SA:=a}", {"text": "_____", "accepted": ["a"]}),
    odd("gap at the end", "A {1:MC:=a~b}", {"text": "A _____"}),
    odd("minus sign", "Q? {#−5}", {"answer": "-5"}, "'−5' is read as '-5'"),
    odd("arabic digits", "Q? {#٣٫٥}", {"answer": "3.5"}, "is read as '3.5'"),
    odd("full-width digits", "Q? {#１２:１}", {"answer": "12", "tolerance": "1"}),
    odd("three dots", "Q? {#0...5}\n\nSo? {T}", TRUE, "has three dots"),
    odd("unit", "Q? {#5 km}\n\nSo? {T}", TRUE, "'5 km' is not a number"),
    odd("infinite", "Q? {#1e400}\n\nSo? {T}", TRUE, "is not a number"),
    odd("entity", "Is a &le; b? {T}", TRUE | {"text": "Is a ≤ b?"}),
    odd("no entity", "Is a &x; b? {T}", TRUE | {"text": "Is a &x; b?"}),
    odd("formula in mathml", "[html]<math><mi>x</mi></math>? {T}", {"text": "x?"},
        "without <math>"),
    odd("drawing", "[html]<svg><g><text>5</text></g></svg>? {T}", {"text": "5?"},
        "without <svg>"),
    odd("generic type", "Is List<String> one? {T}", {"text": "Is List<String> one?"}),
    odd("word's tags", "[html]A<o:p></o:p>? {T}", {"text": "A?"}),
    odd("languages", '[html]<span class="multilang" lang="en">Yes</span><span '
        'class="multilang" lang="de">Ja</span>? {T}', {"text": "Yes / Ja?"},
        "multilang"),
    odd("language marks", "{mlang en}A{mlang}? {T}".replace("{m", "\\{m").replace(
        "n}", "n\\}").replace("g}", "g\\}"), TRUE, "{mlang} marks"),
    odd("id of others", "// [id:Nr 7/Ü]\nIs it? {T}", {"id": "nr-7-u"},
        "its id 'Nr 7/Ü': here it is nr-7-u"),
    odd("id twice", "// [id:x]\nOne? {T}\n\n// [id:x]\nTwo? {T}", {"id": "x"},
        "its id 'x': here it is x-2"),
    odd("fences of a chat", "Here:\n\n```gift\n::A::One? {F}\n\n::B::Two? {T}\n```\n",
        {"title": "A", "text": "One?"}, "the fences of Markdown around"),
    odd("a question before its fence", "```gift\n::B::Two? {T}\n```\nGood luck!",
        TRUE | {"text": "Two?"}, "'Good luck!': a description"),
    odd("fence without its pair", "~~~\n\n::B::Two? {T}", TRUE | {"text": "Two?"},
        "the fences of Markdown"),
    odd("fence within a text", "[markdown]What?\n```\na = 1\n```\n{=1}",
        {"text": "What?\n```\na = 1\n```"}, "its Markdown is shown"),
    odd("title after a number", "1. ::A::Is it? {T}", {"text": "1. ::A::Is it?"},
        "'1. ::A::' is read as text"),
    odd("full-width marks", "何？ {\uff1d甲 \uff5e乙}", {"kind": "shorttext"},
        "'\uff1d' is read as text, as in Moodle: the marks are = and ~"),
    odd("half a file", "::A::Is it? {T}\n\n::B::Which? {=a ~", TRUE, "line 3, 'B'"),
]  # fmt: skip
