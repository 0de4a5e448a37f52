"""Draws training examples: what share each group of texts gets, and what happens to a text before it is shown.

`train` is nine tenths template, so its size says nothing about its worth: six tenths of the examples are hand-written,
and the templated ones get a small fixed share whatever their number.
"""

import random

from . import augment, tokens

SHARES = {
    "hand_written": 0.60,
    "real_attack": 0.08,
    "composed_attack": 0.04,
    "templated_attack": 0.02,
    "templated_benign": 0.02,
    "benign_user": 0.05,
    "benign_prompt": 0.04,
    "benign_document": 0.03,
    "composition": 0.12,
}
MUTATED = 0.10
WRAPPED = 0.06
ROLE_SWAPPED = 0.12
# Users paste documents, attacks in them included: the composed ones and plain documents come as a user's text too.
PASTED = 0.3
PASTED_GROUPS = ("composed_attack", "templated_attack", "benign_document")
MASKED = 0.06
# A longer attack of `train` may hold its attack outside the window: its label would be wrong.
LONGEST_ATTACK_CHARS = 480
SHORT_BENIGN = (24, 32, 48, 64)
# A text that the model was sure of when it last saw it is passed over more often than not: there is more to learn from
# the others. The limit is of the smoothed cross-entropy (0.16: a probability of 0.89).
EASY = 0.16
PASSED_OVER = 0.7


class Sampler:
    """Endless draws of `(text, role, label, family, cut, key)`; every group is gone through before a text comes again.

    The key is for telling how well the model did on the text; None where a text never comes again.
    """

    def __init__(self, groups, seed):
        self.groups = {
            name: [row for row in rows if keep(name, row)] for name, rows in groups.items() if name in SHARES
        }
        self.seed = seed
        self.draws = {}
        self.orders = {}
        self.losses = {}
        ours = groups.get("hand_written", [])
        benign = [r for r in ours if r["label"] == 0]
        self.carriers = [r for r in benign if r["role"] != "user"] * 3
        self.carriers += [r for r in groups.get("benign_document", []) if len(r["text"]) > 200]
        self.requests = [r for r in benign if r["role"] == "user" and augment.is_request(r["text"])] * 3
        for name in ("benign_user", "benign_prompt"):
            self.requests += [r for r in groups.get(name, []) if augment.is_request(r["text"])]
        self.attacks = [r for r in ours if r["label"] == 1 and len(r["text"]) < 350]
        self.attacks += [r for r in groups.get("real_attack", []) if len(r["text"]) < 300]

    def state(self):
        """Returns what a resumed run needs to go on with the same draws."""
        return {"draws": dict(self.draws), "losses": dict(self.losses)}

    def restore(self, state):
        """Takes up the draws where `state` was taken."""
        self.draws, self.losses = dict(state["draws"]), dict(state["losses"])

    def tell(self, key, loss):
        """Notes how well the model did on a text."""
        if key is not None:
            self.losses[key] = loss

    def batch(self, step, size):
        """Returns the examples of one step; the same step draws the same examples."""
        rng = random.Random(f"{self.seed}/{step}")
        names = [n for n in SHARES if n == "composition" or self.groups.get(n)]
        weights = [SHARES[n] for n in names]
        examples = []
        for name in rng.choices(names, weights, k=size):
            if name == "composition":
                examples.append((*self.composition(rng), None, None))
            else:
                row = self.next_row(name)
                while self.losses.get(row["id"], 1.0) < EASY and rng.random() < PASSED_OVER:
                    row = self.next_row(name)
                examples.append((*vary(row, name, rng), row["id"]))
        return examples

    def next_row(self, name):
        """Returns the next text of a group in the order of its current round."""
        rows = self.groups[name]
        count = self.draws[name] = self.draws.get(name, -1) + 1
        turn, at = divmod(count, len(rows))
        if self.orders.get(name, (None,))[0] != turn:
            order = list(range(len(rows)))
            random.Random(f"{self.seed}/{name}/{turn}").shuffle(order)
            self.orders[name] = (turn, order)
        return rows[self.orders[name][1][at]]

    def composition(self, rng):
        """Returns a document with something inserted: a request or an attack (label 1), or more document (label 0)."""
        carrier = augment.excerpt(rng.choice(self.carriers)["text"], rng, rng.choice([150, 250, 400, 600]))
        role = rng.choice(["document", "document", "tool"])
        kind = rng.random()
        if kind < 0.35 and self.requests:
            return augment.insert(carrier, rng.choice(self.requests)["text"], rng), role, 1, "indirect_injection"
        if kind < 0.55 and self.attacks:
            text = augment.insert(carrier, rng.choice(self.attacks)["text"], rng)
            return text, rng.choice([role, role, "user"]), 1, "indirect_injection"
        if kind < 0.77:
            other = augment.excerpt(rng.choice(self.carriers)["text"], rng, 200)
            return augment.insert(carrier, other, rng), role, 0, "benign"
        if kind < 0.90 and self.requests:
            asked = rng.choice(self.requests)["text"]
            order = [carrier, asked] if rng.random() < 0.4 else [asked, carrier]
            return "\n\n".join(order), "user", 0, "benign"
        return carrier, role, 0, "benign"


def keep(group, row):
    """Tells whether a row is fit for training in windows of one text each."""
    return group == "hand_written" or row["label"] == 0 or len(row["text"]) <= LONGEST_ATTACK_CHARS or (
        group == "real_attack"
    )


def vary(row, group, rng):
    """Returns the example of a row after role change, container and mutation, each with a small chance.

    The last member tells [`encode`] how to cut the text.
    """
    text, role, label = row["text"], row["role"], row["label"]
    if group in PASTED_GROUPS and rng.random() < PASTED:
        role = "user"
    elif rng.random() < ROLE_SWAPPED:
        role = swapped(role, label, text, rng)
    if role != "user" and row["role"] != "user" and group == "hand_written" and rng.random() < WRAPPED:
        text = augment.wrap(text, role, rng)
    if rng.random() < MUTATED and not (row["family"] == "encoded"):
        text = augment.mutate(text, rng)
    position = row.get("attack_at") if label else None
    if position is None and group.startswith("benign") and rng.random() < 0.8:
        position = rng.choice(SHORT_BENIGN)
    return text, role, label, row["family"], position


def swapped(role, label, text, rng):
    """Returns another role under which the text keeps its label."""
    if role != "user":
        return rng.choice(["document", "tool", "user"]) if label else rng.choice(["document", "tool", "tool", "user"])
    # What a user may ask is an order when a document says it; a question or a statement is not.
    if label or not augment.is_request(text):
        return rng.choice(["document", "tool"])
    return role


def encode(tokenizer, example, longest, rng):
    """Returns `(ids, label, family, key)`, the text cut to a window.

    The `cut` of the example says how: a share of the text (an attack lies there: cut around it), a number of
    tokens (a benign text may be cut anywhere, and short ones cost less), or nothing (a double window).
    """
    text, role, label, family, cut, key = example
    ids = tokenizer.ids(text[: tokens.WINDOW * 40])
    # The same lengths for both labels: else length alone would tell them apart.
    room = (longest if isinstance(cut, float) and rng.random() < 0.5 else 2 * longest) - tokens.SPECIAL
    if isinstance(cut, int):
        room = min(room, cut)
    if len(ids) > room:
        last = len(ids) - room
        if isinstance(cut, float):
            start = int(cut * len(ids)) - rng.randint(room // 4, 3 * room // 4)
        else:
            start = rng.choice([0, last]) if label else rng.choice([0, last, rng.randint(0, last)])
        start = min(max(start, 0), last)
        ids = ids[start : start + room]
    # Hidden words instead of dropout inside the encoder: the same use, and free on a CPU.
    ids = [tokens.MASK if rng.random() < MASKED else i for i in ids]
    return tokens.frame(role, ids), label, family, key
