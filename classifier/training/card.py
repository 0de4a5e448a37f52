"""Writes the model card from what was measured."""

TEXT = """# Model card: {name} {version}

Scores one text for prompt injection, jailbreaks, prompt extraction and poisoned tool descriptions. Six-layer encoder
(MiniLM-L6 layout, {precision} weights), fine-tuned from sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0).

**Use.** One of several signals of a security checkpoint in front of LLM applications, together with rules. The role of
the text (user, document, tool) is an input: the same words may be a request from a user and an injection in a document.

**Not for.** Judging people or content as such: a harmful wish without an attempt on the model's instructions is benign
here. Not a guarantee: attacks that it misses exist, in every family and language; texts in languages that the
base encoder never saw are read through a vocabulary learned from few texts.

**Score.** `sigmoid((logit - {bias:.4f}) / {temperature:.4f})`, so that 0.5 is passed by at most 1 % of the benign texts
of the development set. A text's logit is the highest of its windows. Longer texts have more chances to pass it.

## Measured

Threshold 0.5 throughout. "Held out" are blocks of hand-written texts that chose the checkpoint and were not trained
on; "unseen source" is a source of which nothing was in training.

| set | texts | attacks | AUC | recall at 1 % false positives | recall at 0.5 | false positives at 0.5 |
|---|---:|---:|---:|---:|---:|---:|
{sets}

| held out, by role | texts | attacks | AUC | recall at 1 % false positives | recall at 0.5 | false positives at 0.5 |
|---|---:|---:|---:|---:|---:|---:|
{roles}

| held out, by language | texts | attacks | AUC | recall at 1 % false positives | recall at 0.5 | false positives at 0.5 |
|---|---:|---:|---:|---:|---:|---:|
{languages}

Slices of fewer than fifty texts say little.

Quantisation ({precision}) against the same weights in F32: AUC {held_exact:.4f} → {held:.4f} on held-out texts,
{unseen_exact:.4f} → {unseen:.4f} on the unseen source.

## Training

Code revision `{revision}`, seeds {seeds}, {steps} steps. Data and licences: `classifier/training/README.md`; digests of
every file: `manifest.json`.
"""


def text(manifest, measured):
    """Returns the card of a bundle."""
    exact = manifest["metrics"]["before_quantisation"]
    training = manifest["training"]
    sets = {
        "development set": measured["dev"],
        "unseen source": measured["dev_unseen_source"],
        "held out": measured["held_out"],
    }
    return TEXT.format(
        name=manifest["name"],
        version=manifest["version"],
        precision=manifest["precision"],
        **manifest["calibration"],
        sets=table(sets),
        roles=table(measured["held_out_by_role"]),
        languages=table(measured["held_out_by_language"]),
        held_exact=exact["held_out"]["auc"],
        held=measured["held_out"]["auc"],
        unseen_exact=exact["dev_unseen_source"]["auc"],
        unseen=measured["dev_unseen_source"]["auc"],
        revision=training["code_revision"],
        seeds=", ".join(map(str, training["seeds"])),
        steps=" + ".join(map(str, training["steps"])),
    )


def table(slices):
    """Returns the rows of a table of measures."""
    keys = ("auc", "recall_at_1%", "recall", "false_positives")

    def shown(value):
        return "–" if value is None else f"{value:.3f}"

    return "\n".join(
        f"| {name} | {m['texts']} | {m['attacks']} | " + " | ".join(shown(m[key]) for key in keys) + " |"
        for name, m in slices.items()
    )
