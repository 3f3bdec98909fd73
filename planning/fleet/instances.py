"""The part of a plan that is instances: rented, scaled, and taken back."""

from dataclasses import dataclass
from typing import Literal

from planning.fleet.limits import MAX_WORKERS, choice, number, text, whole


@dataclass(frozen=True)
class Provisioned:
    """Instances rented by the hour, with or without an autoscaler."""

    instances: int = whole(
        2, "Instances", "", 1, MAX_WORKERS, "the most, with an autoscaler"
    )
    provisioned_price: str = text("Offer", 64, "", "runpod-secure-h100-sxm")
    provisioned_usd_per_h: float = number(3.99, "Price", "$/h", 0, 10_000)
    replicas: int = whole(
        1, "Workers in an instance", "", 1, 1024, "its GPUs ÷ those of a worker"
    )
    autoscaler: Literal["off", "on"] = choice("Autoscaler", "off", "on")
    min_instances: int = whole(
        1, "At least", "instances", 0, MAX_WORKERS, "0: none where nothing comes"
    )
    target_pct: float = number(70, "Target of places in use", "%", 5, 100)
    look_every_s: float = number(60, "Looks every", "s", 1, 3600)
    start_up_min: float = number(
        6, "Start of an instance", "min", 0, 120, "of one that is added or replaced"
    )
    cool_down_min: float = number(10, "Removes after", "min", 0, 1440)


@dataclass(frozen=True)
class Autoscaling:
    """What the autoscaler of instances looks at, and how it moves (see autoscaler).

    The defaults are its simplest rule: the mean load since the last look, over the
    target, at once upwards.
    """

    signal: Literal["load", "places", "queue"] = choice(
        "Looks at", "load", "places", "queue"
    )
    target_requests: float | None = number(
        None, "Target", "an instance", 0.01, 100_000, "empty: the share of places above"
    )
    window_s: float | None = number(
        None,
        "Averages over",
        "s",
        0,
        3600,
        "empty: since the last look; 0: that moment",
    )
    panic_window_s: float | None = number(
        None, "Panic window", "s", 1, 3600, "empty: no panic mode"
    )
    panic_threshold_pct: float = number(
        200, "Panics from", "% of target", 101, 1000, "over the panic window"
    )
    up_delay_s: float = number(
        0, "Adds after", "s", 0, 86_400, "in which it wanted more at every look"
    )
    scale_in: Literal["lasting", "highest"] = choice("Removes", "lasting", "highest")
    up_rate: float | None = number(
        None, "Adds at most", "× a look", 1.01, 1000, "empty: no such limit"
    )
    up_step: int = whole(0, "Or up to", "a look", 0, MAX_WORKERS, "if that is more")
    down_rate: float | None = number(
        None, "Removes at most", "÷ a look", 1.01, 1000, "empty: no such limit"
    )
    up_factor: float = number(
        1, "Factor upwards", "", 0.01, 100, "of the change that the target asks for"
    )
    down_factor: float = number(1, "Factor downwards", "", 0.01, 100)
    tolerance_pct: float = number(
        0, "Tolerance", "%", 0, 100, "a smaller change is left undone"
    )
    from_zero: Literal["at_once", "at_look"] = choice(
        "Starts from zero", "at_once", "at_look"
    )
    activation_requests: float = number(
        0, "Leaves zero above", "requests", 0, 1_000_000
    )
    zero_look_every_s: float | None = number(
        None, "At zero looks every", "s", 1, 3600, "empty: as often as else"
    )
    zero_after_s: float | None = number(
        None,
        "The last stays for",
        "s",
        0,
        86_400,
        "after it is no longer wanted; empty: as the others",
    )


@dataclass(frozen=True)
class Spot:
    """Whether the provider may take instances back, and what happens then."""

    spot: Literal["off", "on"] = choice("Spot instances", "off", "on")
    spot_discount_pct: float = number(
        0, "Discount", "% of the price", 0, 100, "0 if the price is a spot price"
    )
    interrupted_every_h: float = number(
        24, "Interrupted every", "h, mean", 0.05, 10_000, "each instance that is up"
    )
    notice_s: float = number(120, "Notice", "s", 0, 3600, "nothing new is taken in")
    when_interrupted: Literal["retried", "lost"] = choice(
        "Requests still running", "retried", "lost"
    )
