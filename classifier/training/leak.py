"""Refuses to train on a text that an evaluation set holds: exactly, nearly, as a part, or with other text around it.

Near: MinHash over 5-character shingles proposes pairs (banded, so that a pair at Jaccard 0.8 is missed once in about
fifty thousand), the exact Jaccard similarity decides.

As a part: most shingles of one text stand in the other. Shingles are of words; where a script sets no spaces, a
character counts as a word. Eight words in a row are hardly ever the same by chance; for texts with words changed here
and there three in a row do, if the text has twenty or more. Texts under eight words are only compared whole: any page
may hold them.
"""

import hashlib
import re
import unicodedata

import numpy as np

SHINGLE = 5
LIMIT = 0.8
BANDS, ROWS = 20, 4
PRIME = (1 << 31) - 1
# Words in a shingle, and in the contained text at least.
CONTAINED = ((8, 8), (3, 20))
CONTAINED_SHARE = 0.6
# Thai, Lao, Burmese, Khmer, kana, Han.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")
# Training texts that are looked up together.
CHUNK = 2000


class LeakError(Exception):
    """Names the training texts that share their text with one of an evaluation set, by their ids alone."""

    def __init__(self, pairs):
        self.pairs = pairs
        listed = ", ".join(f"{ours} ~ {theirs} ({similarity:.2f})" for ours, theirs, similarity in pairs[:20])
        super().__init__(f"{len(pairs)} pairs of a training and an evaluation text with the same words: {listed}")


def folded(text):
    """Returns a text with its case and the form of its characters set aside."""
    return unicodedata.normalize("NFKC", text).casefold()


def shingles(text):
    """Returns the set of hashed 5-character shingles of a text, case, accents' form and spacing aside."""
    plain = re.sub(r"\s+", " ", folded(text)).strip().encode("utf-32-le")
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


def words(text):
    """Returns the hashed words of a text; a character of a script without spaces is one."""
    return np.array([hash(word) for word in WORD.findall(folded(text))], dtype=np.int64).view(np.uint64)


def word_shingles(hashed, size):
    """Returns the set of hashed shingles of a text's words."""
    if len(hashed) < size:
        return np.zeros(0, dtype=np.uint64)
    value = np.zeros(len(hashed) - size + 1, dtype=np.uint64)
    for offset in range(size):
        value = value * np.uint64(0x9E37_79B9_7F4A_7C15) + hashed[offset : offset + len(value)]
        value ^= value >> np.uint64(29)
    return np.unique(value)


def contained(training, evaluation, share=CONTAINED_SHARE):
    """Returns `(training id, evaluation id, share)` for all pairs where that share of the one stands in the other."""
    found = {}
    theirs = [words(row["text"]) for row in evaluation]
    indexes = {size: inverted(theirs, size) for size, _ in CONTAINED}
    for at in range(0, len(training), CHUNK):
        ours = [words(row["text"]) for row in training[at : at + CHUNK]]
        for size, least in CONTAINED:
            for our, their, part in overlaps(ours, theirs, size, least, indexes[size]):
                if part >= share:
                    pair = (training[at + our]["id"], evaluation[their]["id"])
                    found[pair] = max(part, found.get(pair, 0.0))
    return [(*pair, part) for pair, part in found.items()]


def overlaps(ours, theirs, size, least, index):
    """Yields `(ours, theirs, share)`: the share of shingles in common, of the text of fewer that is long enough."""
    our_owner, our_hash, our_size = inverted(ours, size)
    their_owner, their_hash, their_size = index
    first = np.searchsorted(their_hash, our_hash)
    count = np.searchsorted(their_hash, our_hash, side="right") - first
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    pairs = np.repeat(our_owner, count) * len(theirs) + their_owner[place]
    for pair, common in zip(*np.unique(pairs, return_counts=True)):
        our, their = divmod(int(pair), len(theirs))
        long_enough = [
            int(sizes[at])
            for sizes, texts, at in ((our_size, ours, our), (their_size, theirs, their))
            if len(texts[at]) >= least
        ]
        if long_enough:
            yield our, their, int(common) / min(long_enough)


def inverted(texts, size):
    """Returns all shingles of texts in order, whose each is, and how many each text has."""
    sets = [word_shingles(hashed, size) for hashed in texts]
    sizes = np.array([len(own) for own in sets])
    hashes = np.concatenate([*sets, np.zeros(0, dtype=np.uint64)])
    order = np.argsort(hashes, kind="stable")
    return np.repeat(np.arange(len(sets)), sizes)[order], hashes[order], sizes


def check(training, evaluation, cache=None):
    """Raises [`LeakError`] when a training text is in an evaluation set; a passed check of the same is remembered."""
    digest = hashlib.sha256(repr((SHINGLE, LIMIT, CONTAINED, CONTAINED_SHARE)).encode() + b"\1")
    for rows in (training, evaluation):
        for row in rows:
            digest.update(row["text"].encode() + b"\0")
        digest.update(b"\1")
    mark = cache / f"leak-checked-{digest.hexdigest()[:16]}" if cache else None
    if mark and mark.exists():
        return
    pairs = near_duplicates(training, evaluation)
    near = {pair[:2] for pair in pairs}
    pairs += [pair for pair in contained(training, evaluation) if pair[:2] not in near]
    if pairs:
        raise LeakError(pairs)
    if mark:
        mark.touch()


def check_all(found, public, cache=None):
    """Raises [`LeakError`] when texts that train or choose the weights are in `dev` or a public set, or in each other."""
    reported = [*found.dev, *public]
    check(found.validation, reported, cache)
    check(found.training_rows(), [*reported, *found.validation], cache)


_RNG = np.random.default_rng(20_240_611)
MULTIPLIERS = _RNG.integers(1, PRIME, BANDS * ROWS, dtype=np.uint64)
ADDENDS = _RNG.integers(0, PRIME, BANDS * ROWS, dtype=np.uint64)
