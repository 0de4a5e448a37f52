"""Refuses to train on a text that an evaluation set holds, exactly or nearly.

MinHash over 5-character shingles proposes pairs (banded, so that a pair at Jaccard 0.8 is missed once in about fifty
thousand), the exact Jaccard similarity decides.
"""

import hashlib
import re
import unicodedata

import numpy as np

SHINGLE = 5
LIMIT = 0.8
BANDS, ROWS = 20, 4
PRIME = (1 << 31) - 1


class LeakError(Exception):
    """Names the training texts that stand, exactly or nearly, in an evaluation set."""

    def __init__(self, pairs):
        self.pairs = pairs
        listed = ", ".join(f"{ours} ~ {theirs} ({similarity:.2f})" for ours, theirs, similarity in pairs[:20])
        super().__init__(f"{len(pairs)} training texts are near-duplicates of evaluation texts: {listed}")


def shingles(text):
    """Returns the set of hashed 5-character shingles of a text, case, accents' form and spacing aside."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip().encode("utf-32-le")
    letters = np.frombuffer(plain, dtype="<u4").astype(np.uint64)
    if len(letters) < SHINGLE:
        letters = np.concatenate([letters, np.zeros(SHINGLE - len(letters), dtype=np.uint64)])
    value = np.zeros(len(letters) - SHINGLE + 1, dtype=np.uint64)
    for offset in range(SHINGLE):
        value = value * np.uint64(1_000_003) + letters[offset : offset + len(value)]
    return np.unique((value ^ (value >> np.uint64(29))) % np.uint64(PRIME))


def signature(shingle_set):
    """Returns the MinHash signature of a shingle set."""
    return ((MULTIPLIERS[:, None] * shingle_set[None, :] + ADDENDS[:, None]) % np.uint64(PRIME)).min(axis=1)


def near_duplicates(training, evaluation, limit=LIMIT):
    """Returns `(training id, evaluation id, Jaccard)` for all pairs at or above the limit."""
    buckets, sets = {}, {}
    for at, row in enumerate(evaluation):
        sets[at] = shingles(row["text"])
        for key in band_keys(signature(sets[at])):
            buckets.setdefault(key, []).append(at)
    found = []
    for row in training:
        ours = shingles(row["text"])
        candidates = {at for key in band_keys(signature(ours)) for at in buckets.get(key, ())}
        for at in sorted(candidates):
            common = len(np.intersect1d(ours, sets[at], assume_unique=True))
            similarity = common / (len(ours) + len(sets[at]) - common)
            if similarity >= limit:
                found.append((row["id"], evaluation[at]["id"], similarity))
    return found


def band_keys(values):
    """Returns the bucket keys of a signature."""
    return [(band, values[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS)]


def check(training, evaluation, cache=None):
    """Raises [`LeakError`] when a training text is a near-duplicate; a passed check of the same texts is remembered."""
    digest = hashlib.sha256()
    for rows in (training, evaluation):
        for row in rows:
            digest.update(row["text"].encode() + b"\0")
        digest.update(b"\1")
    mark = cache / f"leak-checked-{digest.hexdigest()[:16]}" if cache else None
    if mark and mark.exists():
        return
    if pairs := near_duplicates(training, evaluation):
        raise LeakError(pairs)
    if mark:
        mark.touch()


_RNG = np.random.default_rng(20_240_611)
MULTIPLIERS = _RNG.integers(1, PRIME, BANDS * ROWS, dtype=np.uint64)
ADDENDS = _RNG.integers(0, PRIME, BANDS * ROWS, dtype=np.uint64)
