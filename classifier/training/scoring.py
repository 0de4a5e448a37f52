"""Scores texts as the service does: all windows, batched by length, the highest logit per text."""

import torch

from . import calibrate, tokens

BATCH_TOKENS = 4096


def score_rows(model, tokenizer, rows, role=None, dtype=torch.bfloat16, calibration=None):
    """Returns one attack logit for each row; `role` overrides the rows' own roles.

    With a calibration, what many windows add by chance is taken off.
    """
    pieces, counts = [], []
    for index, row in enumerate(rows):
        windows = tokens.windows(tokenizer.ids(row["text"]))
        counts.append(len(windows))
        for window in windows:
            pieces.append((index, tokens.frame(role or row["role"], window)))
    best = [float("-inf")] * len(rows)
    for (index, _), logit in zip(pieces, score_windows(model, [ids for _, ids in pieces], dtype)):
        best[index] = max(best[index], logit)
    return [logit - calibrate.by_chance(count, calibration or {}) for logit, count in zip(best, counts)]


@torch.inference_mode()
def score_windows(model, windows, dtype=torch.bfloat16):
    """Returns the attack logits of framed windows, in their order."""
    device = next(model.parameters()).device
    model.eval()
    logits = [0.0] * len(windows)
    for batch in by_length(windows):
        longest = max(len(windows[i]) for i in batch)
        ids = torch.tensor([windows[i] + [0] * (longest - len(windows[i])) for i in batch], device=device)
        lengths = torch.tensor([len(windows[i]) for i in batch], device=device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            attack, _ = model(ids, lengths)
        for i, logit in zip(batch, attack.float().tolist()):
            logits[i] = logit
    return logits


def by_length(windows):
    """Yields batches of indices of windows of like length."""
    batch, tokens_in_batch = [], 0
    for index in sorted(range(len(windows)), key=lambda i: len(windows[i])):
        if batch and tokens_in_batch + len(windows[index]) > BATCH_TOKENS:
            yield batch
            batch, tokens_in_batch = [], 0
        batch.append(index)
        tokens_in_batch += len(windows[index])
    if batch:
        yield batch
