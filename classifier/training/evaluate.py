"""The report: dev by source, held-out blocks by role and language, long documents, the public table.

Nothing here is read back by training. The threshold of every line is the calibrated 0.5, fixed on `dev`.
"""

import collections
import functools
import random

from . import corpus, metrics
from .scoring import score_rows

LONG_WORDS = 10_000
LONG_TEXTS = 20


def full(model, tokenizer, data, calibration, long_documents=True):
    """Returns every measure there is, the public sets and long documents included."""
    found = corpus.Corpus(data)
    result = report(model, tokenizer, found, calibration)
    result["public"] = public_table(scorer(model, tokenizer, calibration), data, calibration["bias"])
    if long_documents:
        result["long_documents"] = long_table(scorer(model, tokenizer, calibration), found, calibration["bias"])
    return result


def scorer(model, tokenizer, calibration):
    """Returns the function that scores rows as the calibration says."""
    return functools.partial(score_rows, model, tokenizer, calibration=calibration)


def report(model, tokenizer, found, calibration, known=()):
    """Returns the measures on `dev` and the held-out blocks; `known` may hold the logits of `dev`."""
    limit = calibration["bias"]
    score = scorer(model, tokenizer, calibration)
    dev = known["dev"] if "dev" in known else score(found.dev)
    blocks = score(found.validation)
    unseen = [(s, r) for s, r in zip(dev, found.dev) if r["source"].startswith(corpus.UNSEEN_SOURCE)]
    return {
        "dev": measures(dev, found.dev, limit),
        "dev_unseen_source": measures([s for s, _ in unseen], [r for _, r in unseen], limit),
        "dev_by_source": sliced(dev, found.dev, limit, lambda row: short(row["source"])),
        "held_out": measures(blocks, found.validation, limit),
        "held_out_by_role": sliced(blocks, found.validation, limit, lambda row: row["role"]),
        "held_out_by_language": sliced(blocks, found.validation, limit, lambda row: row["lang"]),
        "held_out_by_family": sliced(blocks, found.validation, limit, lambda row: row["family"]),
    }


def ranking(model, tokenizer, found, calibration):
    """Returns AUC and recall at 1 % on the two sets that quantisation is judged by."""
    result = {}
    for name, rows in (("held_out", found.validation), ("dev_unseen_source", found.unseen)):
        scores, labels = scorer(model, tokenizer, calibration)(rows), [row["label"] for row in rows]
        result[name] = {"auc": metrics.auc(scores, labels), "recall_at_1%": metrics.recall_at(scores, labels, 0.01)}
    return result


def measures(scores, rows, limit):
    """Returns the ranking measures and the rates at the threshold."""
    labels = [row["label"] for row in rows]
    flagged = collections.Counter(row["label"] for score, row in zip(scores, rows) if score >= limit)
    line = metrics.summary(scores, labels)
    positives, negatives = sum(labels), len(labels) - sum(labels)
    line["recall"] = flagged[1] / positives if positives else None
    line["false_positives"] = flagged[0] / negatives if negatives else None
    return line


def sliced(scores, rows, limit, key):
    """Returns the measures of every slice."""
    parts = collections.defaultdict(list)
    for score, row in zip(scores, rows):
        parts[key(row)].append((score, row))
    return {
        name: measures([s for s, _ in part], [r for _, r in part], limit)
        for name, part in sorted(parts.items(), key=lambda item: -len(item[1]))
    }


def public_table(score, data, limit):
    """Returns PIGuard's three columns, and the benign sets again as documents."""
    sets = corpus.public_eval(data)
    table = {}
    for name, rows in sets.items():
        own = "document" if name.startswith("BIPIA") else "user"
        scores = score(rows, role=own)
        table[name] = accuracy(scores, rows, limit)
        if own == "user":
            table[name + " as document"] = accuracy(score(rows, role="document"), rows, limit)
    not_inject = [v for k, v in table.items() if k.startswith("NotInject") and not k.endswith("document")]
    table["over-defence"] = sum(not_inject) / len(not_inject)
    bipia = {k: len(v) for k, v in sets.items() if k.startswith("BIPIA")}
    table["malicious"] = sum(table[k] * n for k, n in bipia.items()) / sum(bipia.values())
    table["benign"] = table["wildguard"]
    return table


def accuracy(scores, rows, limit):
    """Returns the share of texts on the right side of the threshold."""
    return sum((s >= limit) == bool(r["label"]) for s, r in zip(scores, rows)) / len(rows)


def long_table(score, found, limit):
    """Returns recall by position for attacks put into documents of 10,000 words, and how many clean ones are flagged."""
    rng = random.Random(11)
    pool = [r["text"] for r in found.dev if r["label"] == 0 and r["role"] == "document" and len(r["text"]) > 300]
    attacks = [r for r in found.validation if r["label"] == 1 and r["role"] != "user" and len(r["text"]) < 600]
    clean, table = [], {"start": [], "middle": [], "end": []}
    for index in range(LONG_TEXTS):
        parts, words = [], 0
        while words < LONG_WORDS:
            parts.append(rng.choice(pool))
            words += max(len(parts[-1].split()), len(parts[-1]) // 8)
        clean.append(row("\n\n".join(parts), 0))
        attack = attacks[index % len(attacks)]["text"]
        for name, at in (("start", 0), ("middle", len(parts) // 2), ("end", len(parts))):
            table[name].append(row("\n\n".join([*parts[:at], attack, *parts[at:]]), 1))
    benign = score(clean)
    result = {"words": LONG_WORDS, "texts": LONG_TEXTS, "clean_flagged": sum(s >= limit for s in benign) / len(benign)}
    for name, rows in table.items():
        scores = score(rows)
        result[name] = {
            "recall": sum(s >= limit for s in scores) / len(scores),
            "auc": metrics.auc(scores + benign, labels := [1] * len(scores) + [0] * len(benign)),
            "recall_at_1%": metrics.recall_at(scores + benign, labels, 0.01),
        }
    return result


def row(text, label):
    """Returns a row of the role document."""
    return {"text": text, "role": "document", "label": label}


def short(source):
    """Returns the name of a source without its path."""
    return source.split(" ")[0]


def markdown(result):
    """Returns the report as tables."""
    lines = []
    for name in ("dev", "dev_unseen_source", "held_out"):
        lines.append(f"**{name}** {line(result[name])}")
    for name in ("held_out_by_role", "held_out_by_language", "held_out_by_family", "dev_by_source"):
        lines += ["", f"| {name} | |", "|---|---|"]
        lines += [f"| {key} | {line(value)} |" for key, value in result[name].items()]
    for name in ("public", "long_documents"):
        if name in result:
            lines += ["", f"| {name} | |", "|---|---|"]
            lines += [f"| {key} | {value} |" for key, value in result[name].items()]
    return "\n".join(lines) + "\n"


def line(value):
    """Returns the measures of one slice in words."""
    parts = [f"n={value['texts']} ({value['attacks']} attacks)"]
    for key in ("auc", "recall_at_1%", "recall", "false_positives"):
        if value[key] is not None:
            parts.append(f"{key} {value[key]:.3f}")
    return ", ".join(parts)
