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
of the development set. A text's logit is the highest of its windows.
Of more than {free_windows} windows the highest is higher by chance: {per_window:.2f} times ln(windows / {free_windows}) is
taken off.

## Measured

Threshold 0.5 throughout. "Held out" are blocks of hand-written texts that chose the checkpoint and were not trained
on; "unseen source" is one that nothing was taken from for training, but which is a part of the development set, took
part in choosing what is averaged, and so scores too high for a source that nobody tried anything on.

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

What storing the weights as {precision} costs, against the same weights in F32:

| set | AUC before | AUC after | recall at 1 % false positives before | after |
|---|---:|---:|---:|---:|
{quantised}

These are the weights alone. Where the service multiplies in eight bits it rounds activations to eight bits, too, which
no figure here includes: `docs/decisions/0017-weights-of-eight-bits-meet-eight.md` has that cost.

## Training

The mean of {count} checkpoints, after {steps} steps with seeds {seeds}, packed by the code of revision `{revision}`.
Data and licences: `classifier/training/README.md`. The revision, the options and the digests of the data that each
checkpoint was trained with stand in `manifest.json`, null where it did not note them.{excluded}
"""
# Of checkpoints that were trained with more texts than are trained on now.
EXCLUDED = """

{part} trained with another list of excluded texts than the check for leaks was passed with when this was packed: some
of what they were trained on may share its text with the sets above."""


def text(manifest, measured):
    """Returns the card of a bundle."""
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
        quantised=quantised(manifest["metrics"]["before_quantisation"], measured),
        revision=training["packed_by"],
        count=len(training["checkpoints"]),
        excluded=excluded(training),
        seeds=", ".join(map(str, training["seeds"])),
        steps=" + ".join(map(str, training["steps"])),
    )


def quantised(exact, measured):
    """Returns the rows of the table of what quantisation costs."""

    def shown(name, key):
        return " | ".join("–" if m[name][key] is None else f"{m[name][key]:.4f}" for m in (exact, measured))

    sets = {"held out": "held_out", "unseen source": "dev_unseen_source"}
    return "\n".join(f"| {said} | {shown(name, 'auc')} | {shown(name, 'recall_at_1%')} |" for said, name in sets.items())


def excluded(training):
    """Returns a sentence about checkpoints whose list of excluded texts was not that of today; nothing without any."""
    now = training["packed_with"]["excluded.txt"]
    others = sum((c["data"] or {}).get("excluded.txt") != now for c in training["checkpoints"])
    part = f"{others} of the {len(training['checkpoints'])} checkpoints"
    return EXCLUDED.format(part=part + (" was" if others == 1 else " were")) if others else ""


def table(slices):
    """Returns the rows of a table of measures."""
    keys = ("auc", "recall_at_1%", "recall", "false_positives")

    def shown(value):
        return "–" if value is None else f"{value:.3f}"

    return "\n".join(
        f"| {name} | {m['texts']} | {m['attacks']} | " + " | ".join(shown(m[key]) for key in keys) + " |"
        for name, m in slices.items()
    )
