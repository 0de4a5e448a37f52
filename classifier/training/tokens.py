"""The input format: role token, windows, and the tokenizer (the base vocabulary and its extension).

A window is `[CLS] role t1 … tn [SEP]`, at most 192 tokens. Windows of a longer text overlap by 48 text tokens; the
score of a text is the highest score of its windows.
"""

import collections
import json
import unicodedata

from tokenizers import Tokenizer

# What the model is trained on, at most.
WINDOW = 192
OVERLAP = 48
SPECIAL = 3
UNKNOWN, CLS, SEP, MASK = 100, 101, 102, 103
# The first words after the base vocabulary; no text can spell them, since brackets are words of their own.
BASE_SIZE = 30522
ROLE_IDS = {"user": BASE_SIZE, "document": BASE_SIZE + 1, "tool": BASE_SIZE + 2}
# A model's own output and the system prompt are read as a user's text: instructions are nothing odd in them.
ROLE_ALIASES = {"assistant": "user", "system": "user"}

WORD_MIN_COUNT = 6
MAX_NEW_WORDS = 4000


def role_id(role):
    """Returns the token id of a role."""
    return ROLE_IDS[ROLE_ALIASES.get(role, role)]


def frame(role, ids):
    """Returns one window: special tokens and role around the text's tokens."""
    return [CLS, role_id(role), *ids, SEP]


def windows(ids, window=WINDOW, overlap=OVERLAP):
    """Returns the pieces of a token list: starts at multiples of the stride until the end is covered."""
    room = window - SPECIAL
    if len(ids) <= room:
        return [ids]
    stride = room - overlap
    last = -(-(len(ids) - room) // stride)
    return [ids[i * stride : i * stride + room] for i in range(last + 1)]


def base_tokenizer(path):
    """Returns the base tokenizer as JSON: no padding, no truncation, compatibility forms folded before all else."""
    spec = json.loads(open(path, encoding="utf-8").read())
    spec["truncation"] = spec["padding"] = None
    spec["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, spec["normalizer"]]}
    return spec


def extend(spec, texts):
    """Adds to the vocabulary what the English one lacks, and returns the new tokens in order of their ids.

    First the roles, then every letter it cannot spell at all, alone and as continuation; then frequent words that it splits into
    single letters (three pieces or more, at least one of two letters from another script or with the base's pieces
    averaging under two letters).
    """
    vocabulary = spec["model"]["vocab"]
    old = Tokenizer.from_str(json.dumps(spec))
    words = collections.Counter()
    for text in texts:
        for word, _ in old.pre_tokenizer.pre_tokenize_str(old.normalizer.normalize_str(text)):
            words[word] += 1
    letters = collections.Counter()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    new = []

    def add(token):
        if token not in vocabulary:
            vocabulary[token] = len(vocabulary)
            new.append(token)

    for role in ROLE_IDS:
        add(f"[role {role}]")
    for letter, count in sorted(letters.items(), key=lambda item: (-item[1], item[0])):
        if count >= 2 and unicodedata.category(letter)[0] in "LMNPS":
            add(letter)
            add("##" + letter)
    spelled = Tokenizer.from_str(json.dumps(spec))
    frequent = []
    for word, count in words.items():
        if count < WORD_MIN_COUNT or len(word) < 3 or not word.isalpha():
            continue
        pieces = len(spelled.encode(word, add_special_tokens=False).ids)
        if pieces >= 3 and len(word) / pieces < 2.4:
            frequent.append((-count * (pieces - 1), word))
    for _, word in sorted(frequent)[:MAX_NEW_WORDS]:
        add(word)
    return new


class TextTokenizer:
    """Turns a text into token ids without special tokens."""

    def __init__(self, spec):
        self.spec = spec
        self.inner = Tokenizer.from_str(json.dumps(spec))

    def ids(self, text):
        """Returns the token ids of a text."""
        return self.inner.encode(text, add_special_tokens=False).ids

    def size(self):
        """Returns the number of tokens in the vocabulary."""
        return len(self.spec["model"]["vocab"])
