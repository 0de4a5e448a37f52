import random

import pytest

from training import calibrate, metrics


def sample(count=4000):
    rng = random.Random(5)
    labels = [rng.random() < 0.4 for _ in range(count)]
    return [rng.gauss(2.0 if label else -2.0, 1.5) for label in labels], labels


def test_half_is_the_threshold_for_one_percent():
    logits, labels = sample()
    calibration = calibrate.fit(logits, labels)
    flagged = [calibrate.probability(x, calibration) >= 0.5 for x, label in zip(logits, labels) if not label]
    assert 0.005 < sum(flagged) / len(flagged) <= 0.01


def test_probability_keeps_the_order_and_never_overflows():
    calibration = {"temperature": 0.3, "bias": 1.0}
    values = [calibrate.probability(x, calibration) for x in (-1e6, -3.0, 1.0, 2.0, 1e6)]
    assert values == sorted(values) and values[2] == 0.5 and values[0] >= 0 and values[-1] <= 1


def test_thresholds_fall_as_the_rate_grows():
    logits, labels = sample()
    values = list(calibrate.thresholds(logits, labels, calibrate.fit(logits, labels)).values())
    assert values == sorted(values, reverse=True)


def test_more_windows_are_no_reason_to_flag():
    rng = random.Random(7)
    single = [rng.gauss(-2.0, 1.5) for _ in range(20000)]
    many = {"per_window": calibrate.per_window(single, [0] * len(single))}
    limit = metrics.threshold_at(single, [0] * len(single), 0.01)
    for count in (3, 30):
        longer = [max(rng.gauss(-2.0, 1.5) for _ in range(count)) for _ in range(2000)]
        flagged = sum(logit - calibrate.by_chance(count, many) >= limit for logit in longer) / len(longer)
        plainly = sum(logit >= limit for logit in longer) / len(longer)
        assert flagged < 0.02 < plainly
    assert calibrate.by_chance(4, many | {"free_windows": 4}) == 0 < calibrate.by_chance(5, many | {"free_windows": 4})


def test_without_benign_texts_there_is_no_calibration():
    with pytest.raises(ValueError):
        calibrate.fit([1.0], [1])


def test_auc_counts_ties_half():
    assert metrics.auc([1, 1], [0, 1]) == 0.5
    assert metrics.auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 0.75
    assert metrics.auc([1.0], [1]) is None
