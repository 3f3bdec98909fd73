"""Experiments and their runs as the page's templates show them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lab.experiments.bench import SHOWN_ONLY
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.chosen import EXPERIMENT, Chosen, offered
from lab.experiments.drawing import drawn
from lab.experiments.experiment import Choice, Experiment, Setting, Words
from lab.experiments.outcome import Outcome
from lab.experiments.words import answer_in_words, compared, shown
from lab.messages import EngineStatus
from lab.models import ExperimentRun
from lab.recordings import library

Context = dict[str, Any]
RUNS_SHOWN = 5
BY_ADDRESS = "asked by its address: times have the way there in them, blocks unknown"
NARROW_CHARS = 25
"""Of a choice that has room in half the width of the settings."""
RECORDED_PREFIX = "experiment-"
"""And the experiment's id: the recording of its own that ships (recordexperiments)."""


def page(
    query: Mapping[str, str],
    runs: list[ExperimentRun],
    engine: EngineStatus | None,
    experiments: Mapping[str, Experiment] = EXPERIMENTS,
) -> Context:
    """The chosen experiment, the first where the address names none; all others.
    ``engine`` is the one at hand, None where none is ready."""
    asked = query.get(EXPERIMENT, "")
    experiment = experiments.get(asked) or next(iter(experiments.values()))
    chosen, fault = offered(experiment, query)
    if asked and asked not in experiments:
        fault = "There is no such experiment: here is the first."
    return {
        "experiments": experiments.values(),
        "experiment": experiment,
        "chosen": chosen,
        "fields": _fields(chosen),
        "fault": fault,
        "unable": unable(experiment, engine),
        "is_by_address": engine is not None and engine.by_address,
        **_recorded(experiment),
        "runs": [result(run) for run in runs[:RUNS_SHOWN]],
        "last_prediction": next((run.prediction for run in runs), None),
    }


def unable(experiment: Experiment, engine: EngineStatus | None) -> str:
    """Why this engine cannot run it, "" where it can or none is known."""
    if engine is None:
        return ""
    return SHOWN_ONLY if engine.reads_only else experiment.unable(engine)


def _recorded(experiment: Experiment) -> Context:
    """Id of the recording that is offered, of its own run where that ships; and its
    model, device, machine and date in words, "" without one."""
    shipped = {one.recording_id: one.header for one in library.recordings()}
    for recording_id in (RECORDED_PREFIX + experiment.id, experiment.recording):
        if header := shipped.get(recording_id):
            named = (header.model, header.device, header.machine, header.date[:10])
            words = " · ".join(filter(None, named))
            return {"recording_id": recording_id, "recording": words}
    return {"recording_id": "", "recording": ""}


def _fields(chosen: Chosen) -> list[Context]:
    return [
        {
            "setting": setting,
            "value": chosen.values[setting.name],
            "options": (
                setting.options.items() if isinstance(setting, Choice) else None
            ),
            "is_wide": _is_wide(setting),
            "is_text": isinstance(setting, Words),
        }
        for setting in chosen.experiment.settings
    ]


def _is_wide(setting: Setting) -> bool:
    """Whether it needs a line of its own."""
    if isinstance(setting, Choice):
        return max(map(len, setting.options.values())) > NARROW_CHARS
    return isinstance(setting, Words)


OWN = object()


def result(run: ExperimentRun, prediction: Any = OWN) -> Context:
    """One run beside its prediction; beside another's where it was run for all, None
    being nobody's."""
    predicted = run.prediction if prediction is OWN else prediction
    experiment = EXPERIMENTS.get(run.experiment)
    context: Context = {"run": run, "experiment": experiment}
    if experiment is None:
        return context
    context["settings"] = _settings(experiment, run.values)
    context["query"] = urlencode({EXPERIMENT: experiment.id, **run.values})
    question = experiment.question
    context["predicted"] = (
        "" if predicted is None else answer_in_words(question, predicted)
    )
    if run.outcome is None:
        return context
    outcome = Outcome.from_json(run.outcome)
    return context | {
        "outcome": outcome,
        "measured": answer_in_words(question, outcome.answer),
        "compared": compared(question, predicted, outcome.answer),
        "figures": [
            {"figure": one, "words": shown(one.value, one.unit)}
            for one in outcome.figures
        ],
        "plots": [drawn(plot) for plot in outcome.plots],
        "engine": engine_in_words(run.engine),
    }


def _settings(experiment: Experiment, values: Mapping[str, int | str]) -> list[Context]:
    rows = []
    for setting in experiment.settings:
        value = values.get(setting.name, setting.default)
        rows.append({"label": setting.label, "words": _in_words(setting, value)})
    return rows


def _in_words(setting: Setting, value: int | str) -> str:
    if isinstance(setting, Choice):
        return setting.options.get(str(value), str(value))
    if isinstance(setting, Words):
        return f"“{value}”" if value else "none"
    return shown(int(value), setting.unit)


def engine_in_words(engine: Mapping[str, Any]) -> str:
    """ "smollm2 · CPU engine · 2 cores · vllm 0.32.0"; what is unknown is left out."""
    versions = [
        f"{name} {number}" for name, number in engine.get("versions", {}).items()
    ]
    keep = [words for words in versions if words.startswith(("vllm", "torch"))]
    named = [engine.get(name) for name in ("model", "device", "machine", "dtype")]
    by_address = [BY_ADDRESS] if engine.get("by_address") else []
    return " · ".join(str(part) for part in [*named, *keep, *by_address] if part)
