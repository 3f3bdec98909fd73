"""All experiments of the lab, in the order in which they are offered."""

from lab.experiments.batching import BATCHING
from lab.experiments.cold_start import COLD_START
from lab.experiments.contiguous import CONTIGUOUS
from lab.experiments.experiment import Experiment
from lab.experiments.full_house import FULL_HOUSE
from lab.experiments.prefix import PREFIX
from lab.experiments.scheduling import SCHEDULING
from lab.experiments.structured import STRUCTURED
from lab.experiments.throughput import THROUGHPUT

EXPERIMENTS: dict[str, Experiment] = {
    one.id: one
    for one in (
        CONTIGUOUS,
        PREFIX,
        FULL_HOUSE,
        BATCHING,
        COLD_START,
        THROUGHPUT,
        SCHEDULING,
        STRUCTURED,
    )
}
