"""All experiments of the lab, in the order in which they are offered."""

from lab.experiments.experiment import Experiment
from lab.experiments.prefix import PREFIX

EXPERIMENTS: dict[str, Experiment] = {one.id: one for one in (PREFIX,)}
