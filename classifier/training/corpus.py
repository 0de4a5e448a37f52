"""Reads the labelled texts, sorts them into sampling groups, and holds out blocks of neighbouring lines.

Three kinds of text never meet: what is trained on, the held-out blocks that choose the model, and the sets that are
only reported (`dev`, `public_eval`).
"""

import gzip
import hashlib
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
WRITTEN = HERE / "data" / "written"
EXCLUDED = HERE / "data" / "excluded.txt"
DEFAULT_DATA = REPOSITORY.parent / "shared" / "data"

# Twins stand on neighbouring lines, so whole blocks are held out.
BLOCK_LINES = 10
# About what a training window holds: for longer attacks it matters where the attack lies.
LONG_CHARS = 450
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
HELD_OUT_PERCENT = 15
UNSEEN_SOURCE = "leolee99/InjecGuard_private"

# Attack rows of `train` that people really sent; the rest is grammar or composition.
REAL_ATTACKS = (
    "HumanCompatibleAI/tensor-trust-data",
    "M-Abrisham/AI-Prompt-Injection-Detector",
    "deepset/prompt-injections",
    "NVIDIA/garak",
    "protectai/",
    "greshake/",
    "globalbusinessadvisors/",
    "sherdencooper/",
    "yjw1029/",
)
PROMPT_SOURCES = ("f/awesome-chatgpt-prompts (git", "HumanCompatibleAI/", "NVIDIA/", "globalbusinessadvisors/")


def read_jsonl(path):
    """Returns the rows of a JSON Lines file, gzipped or not."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def hand_written(data, written=WRITTEN):
    """Returns the authored texts and our own, each with its `block` (file and number of its block of lines)."""
    rows = []
    files = [data / "injection" / "authored.jsonl.gz", *sorted(written.glob("*.jsonl"))]
    for path in files:
        counts = {}
        found = read_jsonl(path)
        for at, row in enumerate(found):
            key = f"{path.name.split('.')[0]}/{row['source']}"
            line = counts[key] = counts.get(key, -1) + 1
            own = {"block": f"{key}#{line // BLOCK_LINES}"}
            if row["label"] == 1 and len(row["text"]) > LONG_CHARS:
                own["attack_at"] = attack_position(row["text"], found[max(0, at - 2) : at + 3])
            rows.append(row | own)
    return rows


def attack_position(text, neighbours):
    """Returns where in a long attack the attack lies, as a share of its length: what its benign twin lacks.

    None where no neighbour is a twin, that is, has a third of its sentences.
    """
    parts = SENTENCE.split(text)
    for other in neighbours:
        known = set(SENTENCE.split(other["text"])) if other["label"] == 0 else set()
        own = [at for at, part in enumerate(parts) if part not in known]
        if known and own and len(own) <= 2 * len(parts) / 3:
            before = sum(len(part) + 1 for part in parts[: own[0]])
            return min(1.0, (before + len(parts[own[0]]) / 2) / len(text))
    return None


def is_held_out(block):
    """Tells whether a block of neighbouring lines is kept for validation; growing a file moves no block."""
    return int(hashlib.sha256(block.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def group_of(row):
    """Returns the sampling group of a row of `train`."""
    source, attack = row["source"], row["label"] == 1
    if source.startswith("synthetic:wrapped_docs"):
        return "benign_document"
    if source.startswith("synthetic:"):
        return "templated_attack" if attack else "templated_benign"
    if source.startswith("microsoft/BIPIA"):
        return "composed_attack" if attack else "benign_document"
    if attack:
        return "real_attack" if source.startswith(REAL_ATTACKS) else "templated_attack"
    if source.startswith(PROMPT_SOURCES):
        return "benign_prompt"
    return "benign_document" if row["role"] == "document" else "benign_user"


class Corpus:
    """The texts by sampling group, the validation rows, and the sets used for reports only."""

    def __init__(self, data=DEFAULT_DATA, written=WRITTEN, without=()):
        """Reads everything; `without` names groups or source prefixes to leave out (for ablations)."""
        data = pathlib.Path(data)
        self.groups, self.validation = {}, []
        excluded = {line.strip() for line in EXCLUDED.read_text(encoding="utf-8").splitlines()}
        for row in hand_written(data, written):
            if row["id"] in excluded:
                continue
            if is_held_out(row["block"]):
                self.validation.append(row)
                continue
            ours = not row["block"].startswith("authored/")
            if not (ours and "written" in without) and not ("hand_written" in without):
                self.groups.setdefault("hand_written", []).append(row)
        for row in read_jsonl(data / "injection" / "train.jsonl.gz"):
            group = group_of(row)
            if row["id"] in excluded:
                continue
            if group not in without and not row["source"].startswith(tuple(without) or ("\0",)):
                self.groups.setdefault(group, []).append(row)
        self.dev = read_jsonl(data / "injection" / "dev.jsonl.gz")
        self.unseen = [row for row in self.dev if row["source"].startswith(UNSEEN_SOURCE)]

    def training_rows(self):
        """Returns every row that training can draw from."""
        return [row for rows in self.groups.values() for row in rows]


def public_eval(data=DEFAULT_DATA):
    """Returns the public comparison sets by file name; for the final report only."""
    folder = pathlib.Path(data) / "injection" / "public_eval"
    return {path.name.split(".")[0]: read_jsonl(path) for path in sorted(folder.glob("*.jsonl*"))}


def public_rows(data=DEFAULT_DATA):
    """Returns the rows of all public comparison sets (for the leak check alone)."""
    return [row for rows in public_eval(data).values() for row in rows]


def digests(data=DEFAULT_DATA, written=WRITTEN):
    """Returns the SHA-256 of every file that training reads."""
    injection = pathlib.Path(data) / "injection"
    files = [injection / "train.jsonl.gz", injection / "authored.jsonl.gz", *sorted(written.glob("*.jsonl"))]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
