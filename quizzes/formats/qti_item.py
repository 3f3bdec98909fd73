"""One qti-assessment-item that is being written: declarations, body, scoring, feedback.

The order of its parts is that of the QTI 3.0 schema.
"""

from xml.etree.ElementTree import Element, SubElement, tostring

from quizzes.formats.losses import title_of
from quizzes.variants import Variant

NAMESPACE = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
RESPONSE, FEEDBACK, SCORE = "RESPONSE", "FEEDBACK", "SCORE"


def xml_of(root: Element) -> str:
    return tostring(root, encoding="unicode", xml_declaration=True)


def sub(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """A child; ``base_type`` is written base-type, ``p`` and ``pre`` without qti-."""
    name = tag if tag in ("p", "pre") else f"qti-{tag}"
    fields = {key.replace("_", "-"): value for key, value in attributes.items()}
    child = SubElement(parent, name, fields)
    child.text = text or None
    return child


class Item:
    """An item that is being written: declarations, body, processing, feedback."""

    def __init__(self, variant: Variant) -> None:
        self.variant, self.question = variant, variant.question
        self.root = Element(
            "qti-assessment-item",
            {
                "xmlns": NAMESPACE,
                "identifier": f"q-{self.question.name}",
                "title": title_of(variant),
                "adaptive": "false",
                "time-dependent": "false",
            },
        )
        self._declared = Element("declared")
        self.body = Element("qti-item-body")
        self.processing = Element("qti-response-processing")
        self._modal: list[Element] = []
        self._num_feedbacks = 0
        for line in filter(str.strip, variant.text.split("\n")):
            is_code = len(line) > 1 and line[0] == line[-1] == "`"
            sub(self.body, "pre", line[1:-1]) if is_code else sub(self.body, "p", line)

    def respond(self, base_type: str, cardinality: str, right: list[str]) -> Element:
        """Declare what is answered, and what is right."""
        response = sub(
            self._declared,
            "response-declaration",
            identifier=RESPONSE,
            cardinality=cardinality,
            base_type=base_type,
        )
        correct = sub(response, "correct-response")
        for value in right:
            sub(correct, "value", value)
        return response

    def map(self, response: Element, values: dict[str, float]) -> None:
        """Score by what each part of the answer earns, never below 0."""
        is_text = response.get("base-type") == "string"
        mapping = sub(
            response, "mapping", lower_bound="0", upper_bound="1", default_value="0"
        )
        for key, value in values.items():
            entry = {"map_key": key, "mapped_value": f"{value:.9g}"}
            sub(mapping, "map-entry", **entry, **(
                {"case_sensitive": "false"} if is_text else {}))  # fmt: skip
        score = sub(self.processing, "set-outcome-value", identifier=SCORE)
        sub(score, "map-response", identifier=RESPONSE)

    def condition(self, test: str, wrong: str = "", **attributes: str) -> Element:
        """A branch for an answer that equals the right one, or a wrong one."""
        branch = sub(sub(self.processing, "response-condition"), "response-if")
        compared = sub(branch, test, **attributes)
        sub(compared, "variable", identifier=RESPONSE)
        if wrong:
            kind = "float" if test == "equal" else "string"
            sub(compared, "base-value", wrong, base_type=kind)
        else:
            sub(compared, "correct", identifier=RESPONSE)
        return branch

    def score_if(self, test: str, **attributes: str) -> None:
        """1 for the right answer, else 0."""
        score = sub(
            self.condition(test, **attributes), "set-outcome-value", identifier=SCORE
        )
        sub(score, "base-value", "1", base_type="float")

    def say(self, branch: Element, text: str) -> None:
        """Show a text where a branch is taken."""
        self._num_feedbacks += 1
        outcome, name = f"{FEEDBACK}-{self._num_feedbacks}", "shown"
        sub(
            self._declared,
            "outcome-declaration",
            identifier=outcome,
            cardinality="single",
            base_type="identifier",
        )
        told = sub(branch, "set-outcome-value", identifier=outcome)
        sub(told, "base-value", name, base_type="identifier")
        modal = Element(
            "qti-modal-feedback",
            {"outcome-identifier": outcome, "identifier": name, "show-hide": "show"},
        )
        sub(sub(modal, "content-body"), "p", text)
        self._modal.append(modal)

    def written(self) -> str:
        """The item as XML."""
        sub(
            self._declared,
            "outcome-declaration",
            identifier=SCORE,
            cardinality="single",
            base_type="float",
        )
        if explanation := self.variant.explanation():
            self.say(self.processing, explanation)
        self.root.extend([*self._declared, self.body, self.processing, *self._modal])
        return xml_of(self.root)

    def declare_feedback(self, cardinality: str) -> None:
        """The chosen options tell what is said about them."""
        sub(
            self._declared,
            "outcome-declaration",
            identifier=FEEDBACK,
            cardinality=cardinality,
            base_type="identifier",
        )
        told = sub(self.processing, "set-outcome-value", identifier=FEEDBACK)
        sub(told, "variable", identifier=RESPONSE)
