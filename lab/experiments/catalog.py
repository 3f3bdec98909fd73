"""All experiments of the lab, in the order in which they are offered."""

from lab.experiments.batching import BATCHING
from lab.experiments.cold_start import COLD_START
from lab.experiments.experiment import Experiment
from lab.experiments.prefix import PREFIX

EXPERIMENTS: dict[str, Experiment] = {
    one.id: one for one in (PREFIX, BATCHING, COLD_START)
}
