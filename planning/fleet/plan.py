"""A plan: traffic, requests, service, fleet and limits, as one tree of frozen parts.

The fields' names are unique over all parts and are what a YAML file, a link and a form
call them; ``plan_fields`` reads any of these. A field's metadata (see ``Limit``) says
what is allowed, its unit and its label, for the parser and for forms.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

MONTH_S = 30 * 86_400.0
DAY_S = 86_400.0
MAX_RATE_PER_S = 2_000
MAX_WORKERS = 10_000


@dataclass(frozen=True)
class Limit:
    """What a field may hold: ``low`` to ``high``, or one of ``choices``."""

    label: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    is_whole: bool = False
    is_optional: bool = False
    """Left empty it is None: no such limit."""
    is_text: bool = False
    help: str = ""
    kind: str = ""
    """measured, published, derived or estimated: what the default is."""


def _number(
    default: float | None,
    label: str,
    unit: str,
    low: float,
    high: float,
    help: str = "",
) -> Any:
    limit = Limit(label, unit, low, high, is_optional=default is None, help=help)
    return field(default=default, metadata={"limit": limit})


def _whole(
    default: int, label: str, unit: str, low: int, high: int, help: str = ""
) -> Any:
    limit = Limit(label, unit, low, high, is_whole=True, help=help)
    return field(default=default, metadata={"limit": limit})


def _choice(label: str, *choices: str, help: str = "") -> Any:
    limit = Limit(label, choices=choices, help=help)
    return field(default=choices[0], metadata={"limit": limit})


def _text(label: str, longest: int, help: str = "", default: str = "") -> Any:
    limit = Limit(label, high=longest, is_text=True, help=help)
    return field(default=default, metadata={"limit": limit})


@dataclass(frozen=True)
class Traffic:
    """When requests arrive. ``rate_per_s`` is the mean of the month for every pattern
    but a file, which brings its own rate times ``file_speed``."""

    pattern: Literal[
        "poisson", "constant", "diurnal", "bursts", "flash", "shape", "file"
    ] = _choice(
        "Arrivals", "poisson", "constant", "diurnal", "bursts", "flash", "shape", "file"
    )
    rate_per_s: float = _number(0.5, "Mean rate", "requests/s", 1e-5, MAX_RATE_PER_S)
    peak_hour: float = _number(15, "Hour of the peak", "h", 0, 24)
    day_swing_pct: float = _number(
        80, "Swing of the day", "%", 0, 100, "the peak is so much above the mean"
    )
    burst_factor: float = _number(
        8, "Rate in a burst", "× mean", 1, 1000, "times the share must be at most 100 %"
    )
    burst_share_pct: float = _number(10, "Time in bursts", "%", 0.01, 99)
    burst_minutes: float = _number(5, "Mean length of a burst", "min", 0.01, 10_080)
    flash_factor: float = _number(30, "Rate in the crowd", "× usual", 1, 10_000)
    flash_minutes: float = _number(30, "Length of a crowd", "min", 1, 1440)
    flashes_a_month: int = _whole(4, "Crowds", "a month", 1, 30)
    shape: str = _choice("Shape", "azure-2023-conv", "azure-2023-code")
    file: str = _text("File", 64, "digest of an uploaded file of requests")
    file_speed: float = _number(
        1, "Speed of the file", "× as recorded", 0.001, 1000, "2: twice the rate"
    )


@dataclass(frozen=True)
class Requests:
    """Their lengths, log-normal; a file brings its own."""

    input_tokens: float = _number(1000, "Input, mean", "tokens", 1, 1_000_000)
    input_cv: float = _number(1, "Input, spread", "σ/mean", 0, 5)
    output_tokens: float = _number(200, "Output, mean", "tokens", 1, 100_000)
    output_cv: float = _number(1, "Output, spread", "σ/mean", 0, 5)


@dataclass(frozen=True)
class Service:
    """How fast one worker is. Prompts share its prefill rate, one after the other; of n
    requests that decode each takes 1 + slowdown x (n - 1) times as long as one alone
    (see planning.fleet.batch)."""

    rates: str = _text("Rates", 64, "where they are from", "8b-bf16-h100-sxm")
    prefill_tokens_per_s: float = _number(
        30_800, "Prompts", "tokens/s", 0.1, 10_000_000, "of a worker, shared by all"
    )
    decode_tokens_per_s: float = _number(
        125.2, "Answer, alone", "tokens/s", 0.1, 100_000, "one request in the batch"
    )
    slowdown_pct: float = _number(
        3, "Slower per further request", "%", 0, 100, "that decodes with it"
    )
    step_tokens: int = _whole(
        8192, "Budget of a step", "tokens", 16, 1_000_000, "max_num_batched_tokens"
    )
    overhead_s: float = _number(0, "Overhead a request", "s", 0, 3600)
    concurrency: int = _whole(16, "Requests at once", "a worker", 1, 256)


@dataclass(frozen=True)
class Provisioned:
    """Instances rented by the hour, with or without an autoscaler."""

    instances: int = _whole(
        2, "Instances", "", 1, MAX_WORKERS, "the most, with an autoscaler"
    )
    provisioned_price: str = _text("Offer", 64, "", "runpod-secure-h100-sxm")
    provisioned_usd_per_h: float = _number(3.99, "Price", "$/h", 0, 10_000)
    autoscaler: Literal["off", "on"] = _choice("Autoscaler", "off", "on")
    min_instances: int = _whole(
        1, "At least", "instances", 0, MAX_WORKERS, "0: none where nothing comes"
    )
    target_pct: float = _number(70, "Target of places in use", "%", 5, 100)
    look_every_s: float = _number(60, "Looks every", "s", 1, 3600)
    start_up_min: float = _number(6, "Start of an instance", "min", 0, 120)
    cool_down_min: float = _number(10, "Removes after", "min", 0, 1440)


@dataclass(frozen=True)
class Autoscaling:
    """What the autoscaler of instances looks at, and how it moves (see autoscaler).

    The defaults are its simplest rule: the mean load since the last look, over the
    target, at once upwards.
    """

    signal: Literal["load", "places", "queue"] = _choice(
        "Looks at", "load", "places", "queue"
    )
    target_requests: float | None = _number(
        None, "Target", "an instance", 0.01, 100_000, "empty: the share of places above"
    )
    window_s: float | None = _number(
        None,
        "Averages over",
        "s",
        0,
        3600,
        "empty: since the last look; 0: that moment",
    )
    panic_window_s: float | None = _number(
        None, "Panic window", "s", 1, 3600, "empty: no panic mode"
    )
    panic_threshold_pct: float = _number(
        200, "Panics from", "% of target", 101, 1000, "over the panic window"
    )
    up_delay_s: float = _number(
        0, "Adds after", "s", 0, 86_400, "in which it wanted more at every look"
    )
    scale_in: Literal["lasting", "highest"] = _choice("Removes", "lasting", "highest")
    up_rate: float | None = _number(
        None, "Adds at most", "× a look", 1.01, 1000, "empty: no such limit"
    )
    up_step: int = _whole(0, "or so many", "a look", 0, MAX_WORKERS, "if that is more")
    down_rate: float | None = _number(
        None, "Removes at most", "÷ a look", 1.01, 1000, "empty: no such limit"
    )
    up_factor: float = _number(
        1, "Factor upwards", "", 0.01, 100, "of the change that the target asks for"
    )
    down_factor: float = _number(1, "Factor downwards", "", 0.01, 100)
    tolerance_pct: float = _number(
        0, "Tolerance", "%", 0, 100, "a smaller change is left undone"
    )
    from_zero: Literal["at_once", "at_look"] = _choice(
        "Starts from zero", "at_once", "at_look"
    )
    activation_requests: float = _number(0, "From zero above", "requests", 0, 1_000_000)
    zero_look_every_s: float | None = _number(
        None, "At zero looks every", "s", 1, 3600, "empty: as often as else"
    )
    zero_after_s: float | None = _number(
        None,
        "The last one stays",
        "s",
        0,
        86_400,
        "after it is no longer wanted; empty: as the others",
    )


@dataclass(frozen=True)
class Spot:
    """Whether the provider may take instances back, and what happens then."""

    spot: Literal["off", "on"] = _choice("Spot instances", "off", "on")
    spot_discount_pct: float = _number(
        0, "Discount", "% of the price", 0, 100, "0 if the price is a spot price"
    )
    interrupted_every_h: float = _number(
        24, "Interrupted every", "h, mean", 0.05, 10_000, "each instance that is up"
    )
    notice_s: float = _number(120, "Notice", "s", 0, 3600, "nothing new is taken in")
    when_interrupted: Literal["retried", "lost"] = _choice(
        "Requests still running", "retried", "lost"
    )


@dataclass(frozen=True)
class Serverless:
    """Workers billed by the second, from zero."""

    platform: str = _text("Platform", 64, "preset that the fields came from")
    serverless_price: str = _text("Offer", 64, "", "runpod-flex-h100-sxm")
    serverless_usd_per_s: float = _number(0.00116, "Price", "$/s", 0, 3)
    max_workers: int = _whole(3, "At most", "workers", 1, MAX_WORKERS)
    min_workers: int = _whole(0, "Always on", "workers", 0, MAX_WORKERS)
    idle_timeout_s: float = _number(5, "Idle timeout", "s", 0, 86_400)
    cold_start_s: float = _number(45, "Cold start, mean", "s", 0, 3600)
    cold_start_cv: float = _number(0.5, "Cold start, spread", "σ/mean", 0, 3)
    bills_cold_start: Literal["yes", "no"] = _choice(
        "Bills the cold start", "yes", "no"
    )
    bills_idle: Literal["yes", "no"] = _choice("Bills idle time", "yes", "no")
    rounding_s: float = _number(1, "Rounds up to", "s", 0, 3600)
    scaler: Literal["queue_delay", "request_count"] = _choice(
        "Adds a worker by", "queue_delay", "request_count"
    )
    queue_delay_s: float = _number(4, "Queue delay", "s", 0, 3600)
    requests_per_worker: float = _number(1, "Requests a worker", "", 0.1, 1000)
    ping_every_min: float | None = _number(
        None, "Keep-warm ping every", "min", 0.1, 1440, "empty: none"
    )
    ping_s: float = _number(0.5, "A ping takes", "s", 0, 600)


@dataclass(frozen=True)
class Goals:
    """What is asked of the fleet, and when requests are lost."""

    slo_wait_s: float = _number(10, "95 % wait at most", "s", 0, 86_400)
    max_drop_pct: float = _number(0.1, "Lost at most", "%", 0, 100)
    max_queue: int = _whole(10_000, "Room in the queue", "requests", 0, 1_000_000)
    give_up_s: float | None = _number(
        None, "A request gives up after", "s", 0.001, 86_400, "empty: never"
    )
    execution_timeout_s: float | None = _number(
        None,
        "A request may run for",
        "s",
        0.001,
        604_800,
        "from when a worker takes it in; empty: any time",
    )


@dataclass(frozen=True)
class Plan:
    """Everything that a simulation depends on."""

    mode: Literal["serverless", "provisioned", "hybrid"] = _choice(
        "Fleet", "serverless", "provisioned", "hybrid"
    )
    seed: int = _whole(1, "Seed", "", 0, 2**31 - 1)
    traffic: Traffic = field(default_factory=Traffic)
    requests: Requests = field(default_factory=Requests)
    service: Service = field(default_factory=Service)
    provisioned: Provisioned = field(default_factory=Provisioned)
    autoscaling: Autoscaling = field(default_factory=Autoscaling)
    spot: Spot = field(default_factory=Spot)
    serverless: Serverless = field(default_factory=Serverless)
    goals: Goals = field(default_factory=Goals)

    @property
    def has_provisioned(self) -> bool:
        """Whether instances are part of the fleet."""
        return self.mode != "serverless"

    @property
    def has_serverless(self) -> bool:
        """Whether serverless workers are part of the fleet."""
        return self.mode != "provisioned"
