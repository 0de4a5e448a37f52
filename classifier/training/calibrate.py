"""From logit to probability: what many windows add by chance, a temperature for the shape, and a bias that puts 0.5 at
the wanted false-positive rate.
"""

import math

from . import metrics

TARGET_RATE = 0.01
# The benign texts whose logits are the tail that `per_window` is read from.
TAIL_RATE = 0.02
# Texts of up to so many windows are what the threshold is fitted to; nothing is taken off them.
FREE_WINDOWS = 4
RATES = {"0.1%": 0.001, "0.5%": 0.005, "1%": 0.01, "2%": 0.02, "5%": 0.05}


def probability(logit, calibration):
    """Returns the calibrated probability of a logit."""
    value = (logit - calibration["bias"]) / calibration["temperature"]
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    return math.exp(value) / (1.0 + math.exp(value))


def by_chance(windows, calibration):
    """Returns by how many logits the highest of so many benign windows lies above that of a usual text."""
    free = calibration.get("free_windows", 1)
    return calibration.get("per_window", 0.0) * math.log(max(1.0, windows / free))


def per_window(logits, labels):
    """Returns by how many logits the highest of benign windows rises when there are e times as many.

    The mean excess over a high threshold: where the tail falls off exponentially, as that of sums of many small reasons
    does, the highest of n values lies that much times ln n above a single one (Gumbel; Coles, An Introduction to
    Statistical Modeling of Extreme Values, 2001, chapters 3 and 4).
    """
    benign = sorted((logit for logit, label in zip(logits, labels) if not label), reverse=True)
    tail = benign[: round(len(benign) * TAIL_RATE) + 1]
    if len(tail) < 2:
        return 0.0
    return sum(logit - tail[-1] for logit in tail[:-1]) / (len(tail) - 1)


def fit(logits, labels, rate=TARGET_RATE):
    """Returns `{temperature, bias}`: at most `rate` of the benign texts reach 0.5, and the log loss is lowest so."""
    bias = metrics.threshold_at(logits, labels, rate)
    if not math.isfinite(bias):
        raise ValueError("calibration needs benign texts")

    def loss(temperature):
        total = 0.0
        for logit, label in zip(logits, labels):
            value = (logit - bias) / temperature * (1 if label else -1)
            total += math.log1p(math.exp(-abs(value))) + max(0.0, -value)
        return total

    candidates = [0.05 * 1.1**i for i in range(60)]
    return {"temperature": min(candidates, key=loss), "bias": bias}


def thresholds(logits, labels, calibration):
    """Returns the probability thresholds for chosen false-positive rates."""
    return {
        name: min(1.0, probability(metrics.threshold_at(logits, labels, rate), calibration))
        for name, rate in RATES.items()
    }
