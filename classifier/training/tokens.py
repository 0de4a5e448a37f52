"""The input format: role token, windows, and the tokenizer (the base vocabulary and its extension).

A window is `[CLS] role t1 … tn [SEP]`, at most 192 tokens. Windows of a longer text overlap by 48 text tokens; the
score of a text is the highest score of its windows.
"""

import collections
import itertools
import json
import string
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

# The longest word that the tokenizer tries to spell, and how many letters one becomes in normal form, at most.
WORD_LETTERS = 100
LETTERS_OF_ONE = 3

WORD_MIN_COUNT = 6
MAX_NEW_WORDS = 4000


def role_id(role):
    """Returns the token id of a role."""
    return ROLE_IDS[ROLE_ALIASES.get(role, role)]


def frame(role, ids):
    """Returns one window: special tokens and role around the text's tokens, which are left out if none is known."""
    ids = [] if all(token == UNKNOWN for token in ids) else ids
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


def short_words(text):
    """Returns the text cut within words of more than `WORD_LETTERS` letters, which the tokenizer would give up."""
    cut, start, letters = [], 0, 0
    for at, character in enumerate(text):
        if character.isspace() or character in string.punctuation:
            letters = 0
            continue
        own = 1 if character.isascii() else LETTERS_OF_ONE
        if letters + own > WORD_LETTERS:
            cut.append(text[start:at])
            start, letters = at, 0
        letters += own
    return [*cut, text[start:]]


class TextTokenizer:
    """Turns a text into token ids without special tokens, as the service's `Reader` does."""

    def __init__(self, spec):
        self.spec = spec
        self.inner = Tokenizer.from_str(json.dumps(spec))
        self.unknown = spec["model"]["vocab"][spec["model"]["unk_token"]]
        self.known = {}

    def ids(self, text):
        """Returns the token ids of a text: what cannot be spelt takes no more with it than itself."""
        ids = []
        for part in short_words(text):
            found = self.encode(part)
            if self.unknown in found:
                runs = itertools.groupby(part, key=self.spells)
                found = [token for _, run in runs for token in self.encode("".join(run))]
            ids += found
        return ids

    def encode(self, text):
        """Returns the tokenizer's own ids."""
        return self.inner.encode(text, add_special_tokens=False).ids

    def spells(self, character):
        """Tells whether a character can be spelt, and remembers it."""
        if character not in self.known:
            self.known[character] = character.isascii() or self.unknown not in self.encode(character)
        return self.known[character]

    def size(self):
        """Returns the number of tokens in the vocabulary."""
        return len(self.spec["model"]["vocab"])
