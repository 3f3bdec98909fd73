"""A plan: traffic, requests, service, fleet and limits, as one tree of frozen parts.

The fields' names are unique over all parts and are what a YAML file, a link and a form
call them; ``plan_fields`` reads any of these. A field's metadata (see ``Limit``) says
what is allowed, its unit and its label, for the parser and for forms.
"""

from dataclasses import dataclass, field
from typing import Literal

from planning.fleet.instances import Autoscaling, Provisioned, Spot
from planning.fleet.limits import MAX_WORKERS, choice, number, text, whole

MONTH_S = 30 * 86_400.0
DAY_S = 86_400.0
MAX_RATE_PER_S = 2_000


@dataclass(frozen=True)
class Traffic:
    """When requests arrive. ``rate_per_s`` is the mean of the month for every pattern
    but a file, which brings its own rate times ``file_speed``."""

    pattern: Literal[
        "poisson", "constant", "diurnal", "bursts", "flash", "shape", "file"
    ] = choice(
        "Arrivals", "poisson", "constant", "diurnal", "bursts", "flash", "shape", "file"
    )
    rate_per_s: float = number(0.5, "Mean rate", "requests/s", 1e-5, MAX_RATE_PER_S)
    peak_hour: float = number(15, "Hour of the peak", "h", 0, 24)
    day_swing_pct: float = number(
        80, "Swing of the day", "%", 0, 100, "the peak is so much above the mean"
    )
    burst_factor: float = number(
        8, "Rate in a burst", "× mean", 1, 1000, "times the share must be at most 100 %"
    )
    burst_share_pct: float = number(10, "Time in bursts", "%", 0.01, 99)
    burst_minutes: float = number(5, "Mean length of a burst", "min", 0.01, 10_080)
    flash_factor: float = number(30, "Rate in the crowd", "× usual", 1, 10_000)
    flash_minutes: float = number(30, "Length of a crowd", "min", 1, 1440)
    flashes_a_month: int = whole(4, "Crowds", "a month", 1, 30)
    shape: str = choice("Shape", "azure-2023-conv", "azure-2023-code")
    file: str = text("File", 64, "digest of an uploaded file of requests")
    file_speed: float = number(
        1, "Speed of the file", "× as recorded", 0.001, 1000, "2: twice the rate"
    )


@dataclass(frozen=True)
class Requests:
    """Their lengths, log-normal; a file brings its own."""

    input_tokens: float = number(1000, "Input, mean", "tokens", 1, 1_000_000)
    input_cv: float = number(1, "Input, spread", "σ/mean", 0, 5)
    output_tokens: float = number(200, "Output, mean", "tokens", 1, 100_000)
    output_cv: float = number(1, "Output, spread", "σ/mean", 0, 5)
    cached_pct: float = number(
        0, "Prompt from the prefix cache", "% of tokens", 0, 100, "the hit rate"
    )
    """They need no prefill, but are context that each answer's step reads."""


@dataclass(frozen=True)
class Service:
    """How fast one worker is. Prompts share its prefill rate, one after the other; of n
    requests that decode each takes 1 + slowdown x (n - 1) times as long as one alone,
    and longer where experts are read for each (see planning.fleet.batch)."""

    rates: str = text("Rates", 120, "where they are from", "8b-bf16-h100-sxm")
    prefill_tokens_per_s: float = number(
        30_800, "Prompts", "tokens/s", 0.1, 10_000_000, "of a worker, shared by all"
    )
    decode_tokens_per_s: float = number(
        125.2, "Answer, alone", "tokens/s", 0.1, 100_000, "one request in the batch"
    )
    slowdown_pct: float = number(
        3, "Slower per further request", "%", 0, 100, "that decodes with it"
    )
    expert_slowdown_pct: float = number(
        0, "Slower with all experts", "%", 0, 10_000, "than with those of one request"
    )
    expert_share_pct: float = number(
        0, "Experts a token takes", "% of all", 0, 100, "0: the model has none"
    )
    step_tokens: int = whole(
        8192, "Budget of a step", "tokens", 16, 1_000_000, "max_num_batched_tokens"
    )
    overhead_s: float = number(0, "Overhead a request", "s", 0, 3600)
    concurrency: int = whole(16, "Requests at once", "a worker", 1, 256)
    prefill_on: Literal["shared", "separate"] = choice(
        "Prompts are computed on",
        "shared",
        "separate",
        help="a worker is then both, and its price that of both",
    )
    transfer_tokens_per_s: float | None = number(
        None, "KV cache sent over", "tokens/s", 1, 1e9, "empty: it takes no time"
    )
    """Link ÷ KV cache of a token; only where prompts have cards of their own."""

    @property
    def is_split(self) -> bool:
        """Whether prompts and answers are computed on different cards."""
        return self.prefill_on == "separate"

    @property
    def transfer_s(self) -> float:
        """Of a token's KV cache, to the cards that answer."""
        if not self.is_split or self.transfer_tokens_per_s is None:
            return 0.0
        return 1 / self.transfer_tokens_per_s


@dataclass(frozen=True)
class Serverless:
    """Workers billed by the second, from zero."""

    platform: str = text("Platform", 64, "preset that the fields came from")
    serverless_price: str = text("Offer", 64, "", "runpod-flex-h100-sxm")
    serverless_usd_per_s: float = number(0.00116, "Price", "$/s", 0, 3)
    active_usd_per_s: float | None = number(
        None, "Price, always on", "$/s", 0, 3, "empty: no price of their own"
    )
    """Of ``min_workers``, billed for all of their time."""
    max_workers: int = whole(3, "At most", "workers", 1, MAX_WORKERS)
    min_workers: int = whole(0, "Always on", "workers", 0, MAX_WORKERS)
    idle_timeout_s: float = number(5, "Idle timeout", "s", 0, 86_400)
    cold_start_s: float = number(45, "Cold start, mean", "s", 0, 3600)
    cold_start_cv: float = number(0.5, "Cold start, spread", "σ/mean", 0, 3)
    bills_cold_start: Literal["yes", "no"] = choice("Bills the cold start", "yes", "no")
    bills_idle: Literal["yes", "no"] = choice("Bills idle time", "yes", "no")
    rounding_s: float = number(1, "Rounds up to", "s", 0, 3600)
    rounding_of: Literal["worker", "request"] = choice(
        "Rounds up", "worker", "request", help="a worker: start to stop"
    )
    """worker: its time from start to stop · request: each stretch with requests in it,
    which is each request by itself where a worker takes one at once."""
    scaler: Literal["queue_delay", "request_count"] = choice(
        "Adds a worker by", "queue_delay", "request_count"
    )
    queue_delay_s: float = number(4, "Queue delay", "s", 0, 3600)
    requests_per_worker: float = number(1, "Requests a worker", "", 0.1, 1000)
    ping_every_min: float | None = number(
        None, "Keep-warm ping every", "min", 0.1, 1440, "empty: none"
    )
    ping_s: float = number(0.5, "A ping takes", "s", 0, 600)


@dataclass(frozen=True)
class Goals:
    """What is asked of the fleet, and when requests are lost."""

    slo_wait_s: float = number(10, "95 % wait at most", "s", 0, 86_400)
    late_after_s: float | None = number(
        None, "Share that waits longer than", "s", 0, 86_400, "empty: than the goal"
    )
    max_drop_pct: float = number(0.1, "Lost at most", "%", 0, 100)
    max_queue: int = whole(10_000, "Room in the queue", "requests", 0, 1_000_000)
    give_up_s: float | None = number(
        None, "A request gives up after", "s", 0.001, 86_400, "empty: never"
    )
    execution_timeout_s: float | None = number(
        None,
        "A request may run for",
        "s",
        0.001,
        604_800,
        "from when a worker takes it in; empty: any time",
    )


@dataclass(frozen=True)
class Prices:
    """What the month costs elsewhere, and a price of one's own for the fleet."""

    api_price: str = text("API", 64, "", "deepinfra-llama-3.1-8b")
    api_usd_per_m_input: float = number(0.02, "API, input", "$/M tokens", 0, 1000)
    api_usd_per_m_cached: float | None = number(
        None, "API, cached input", "$/M tokens", 0, 1000, "empty: as input"
    )
    api_usd_per_m_output: float = number(0.04, "API, output", "$/M tokens", 0, 1000)
    own_price: float | None = number(
        None, "Your own price", "", 0, 100_000_000, "empty: that of the offer"
    )
    own_currency: str = text("Currency", 3, "as USD or EUR", "USD")
    own_usd_rate: float = number(1, "Exchange rate", "$", 1e-6, 1e6, "for one of it")
    own_price_per: Literal["hour", "second", "month"] = choice(
        "Price per", "hour", "second", "month", help="a month has 30 days"
    )
    own_price_of: Literal["instance", "worker"] = choice(
        "Price of", "instance", "worker"
    )
    own_price_gpus: int = whole(
        1, "Times", "GPUs", 1, 1024, "1: the price is for all of them"
    )
    own_price_name: str = text("Charged by", 60)

    def own_usd_per_s(self, what: str) -> float | None:
        """US dollars a second of an instance or a serverless worker; None: not told."""
        if self.own_price is None or self.own_price_of != what:
            return None
        seconds = {"second": 1.0, "hour": 3600.0, "month": MONTH_S}[self.own_price_per]
        return self.own_price * self.own_usd_rate * self.own_price_gpus / seconds


@dataclass(frozen=True)
class Plan:
    """Everything that a simulation depends on."""

    mode: Literal["serverless", "provisioned", "hybrid"] = choice(
        "Fleet", "serverless", "provisioned", "hybrid"
    )
    seed: int = whole(1, "Seed", "", 0, 2**31 - 1)
    traffic: Traffic = field(default_factory=Traffic)
    requests: Requests = field(default_factory=Requests)
    service: Service = field(default_factory=Service)
    provisioned: Provisioned = field(default_factory=Provisioned)
    autoscaling: Autoscaling = field(default_factory=Autoscaling)
    spot: Spot = field(default_factory=Spot)
    serverless: Serverless = field(default_factory=Serverless)
    goals: Goals = field(default_factory=Goals)
    prices: Prices = field(default_factory=Prices)

    @property
    def has_provisioned(self) -> bool:
        """Whether instances are part of the fleet."""
        return self.mode != "serverless"

    @property
    def has_serverless(self) -> bool:
        """Whether serverless workers are part of the fleet."""
        return self.mode != "provisioned"

    @property
    def num_provisioned(self) -> int:
        """Workers in all instances; 0 without any."""
        part = self.provisioned
        return part.instances * part.replicas if self.has_provisioned else 0

    @property
    def usd_per_instance_h(self) -> float:
        """One's own price, or the offer's."""
        own = self.prices.own_usd_per_s("instance")
        return self.provisioned.provisioned_usd_per_h if own is None else own * 3600

    @property
    def usd_per_worker_s(self) -> float:
        """Of a serverless worker: one's own price, or the offer's."""
        own = self.prices.own_usd_per_s("worker")
        return self.serverless.serverless_usd_per_s if own is None else own
