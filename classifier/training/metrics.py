"""Ranking measures, the same definitions as the project's scoring script."""

import math

import numpy as np


def auc(scores, labels):
    """Returns the area under the ROC curve (ties count half), or None where one class is missing."""
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def threshold_at(scores, labels, rate):
    """Returns the smallest threshold whose share of negatives at or above it is at most `rate`."""
    negatives = sorted((s for s, label in zip(scores, labels) if not label), reverse=True)
    allowed = int(rate * len(negatives))
    return math.nextafter(float(negatives[allowed]), math.inf) if allowed < len(negatives) else -math.inf


def recall_at(scores, labels, rate):
    """Returns the recall at a false-positive rate, or None where one class is missing."""
    positives = [s for s, label in zip(scores, labels) if label]
    if not positives or len(positives) == len(labels):
        return None
    limit = threshold_at(scores, labels, rate)
    return sum(s >= limit for s in positives) / len(positives)


def summary(scores, labels):
    """Returns counts, AUC and the recall at four false-positive rates."""
    return {
        "texts": len(labels),
        "attacks": int(sum(labels)),
        "auc": auc(scores, labels),
        **{f"recall_at_{name}": recall_at(scores, labels, rate) for name, rate in RATES.items()},
    }


RATES = {"0.1%": 0.001, "0.5%": 0.005, "1%": 0.01, "5%": 0.05}
