"""Label-keeping mutations, and the composition of requests and attacks into unrelated documents.

Every mutation is applied to attacks and benign texts alike, so that none of them is itself a sign of an attack.
"""

import base64
import json
import re

LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
LOOKALIKES = str.maketrans({"a": "а", "c": "с", "e": "е", "o": "о", "p": "р", "x": "х", "y": "у", "i": "і"})
BREAK = re.compile(r"(?<=[.!?。！？])\s+|\n+")
REQUEST = re.compile(
    r"(please |can you |could you )?(write|make|give|tell|list|create|translate|summari[sz]e|explain|generate|find|help|"
    r"act|play|draft|suggest|describe|recommend|show|set|remind|send|book|answer|convert|rewrite|compose|pretend|plan|"
    r"design|calculate|classify|identify|compare|provide|come up|turn|add|remove|edit|correct|i want you to)\b",
    re.IGNORECASE,
)


def leet(text, rng):
    """Replaces letters of some words by digits."""
    return " ".join(w.translate(LEET) if rng.random() < 0.6 else w for w in text.split(" "))


def lookalikes(text, rng):
    """Replaces some Latin letters by Cyrillic ones."""
    return "".join(c.translate(LOOKALIKES) if rng.random() < 0.4 else c for c in text)


def spaced(text, rng):
    """Spreads the letters of a stretch of words."""
    words = text.split(" ")
    start = rng.randrange(max(1, len(words) - 3))
    joint = rng.choice([" ", ".", "-", "_"])
    for i in range(start, min(len(words), start + rng.randint(2, 8))):
        words[i] = joint.join(words[i])
    return ("  " if joint == " " else " ").join(words)


def typos(text, rng):
    """Swaps, drops or doubles letters."""
    letters = list(text)
    for i in range(len(letters) - 1):
        if letters[i].isalpha() and rng.random() < 0.04:
            kind = rng.randrange(3)
            if kind == 0:
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
            else:
                letters[i] = "" if kind == 1 else letters[i] * 2
    return "".join(letters)


def shouted(text, rng):
    """Changes the case: all upper, all lower, or at random."""
    kind = rng.randrange(3)
    if kind < 2:
        return text.upper() if kind == 0 else text.lower()
    return "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in text)


def unpunctuated(text, rng):
    """Drops punctuation and line breaks, as from dictation."""
    return re.sub(r"\s+", " ", re.sub(r"[.,;:!?\"'()\n]+", " ", text)).strip()


def partly_encoded(text, rng):
    """Encodes one sentence in base64."""
    parts = [p for p in BREAK.split(text) if p]
    at = rng.randrange(len(parts)) if parts else 0
    if not parts or len(parts) < 2:
        return text
    parts[at] = base64.b64encode(parts[at].encode()).decode()
    return " ".join(parts)


MUTATIONS = [typos, typos, shouted, shouted, leet, lookalikes, spaced, unpunctuated, partly_encoded]


def mutate(text, rng):
    """Applies one mutation chosen at random."""
    return rng.choice(MUTATIONS)(text, rng)


def wrap(text, role, rng):
    """Puts a document or tool result into a container of the kind it arrives in."""
    kind = rng.randrange(6)
    if kind == 0:
        return json.dumps({rng.choice(["result", "content", "body", "text", "description"]): text}, ensure_ascii=False)
    if kind == 1:
        return f"<{rng.choice(['p', 'div', 'li', 'td'])}>{text}</{rng.choice(['p', 'div', 'li'])}>"
    if kind == 2:
        return "\n".join("> " + line for line in text.split("\n"))
    if kind == 3:
        return f"# {rng.choice(['Notes', 'Summary', 'Page 2', 'README', 'Comment', 'Details'])}\n\n{text}"
    if kind == 4:
        return f"<!-- {text} -->" if role == "document" else json.dumps({"status": "ok", "data": [{"note": text}]})
    return f"{text}\n\n--\n{rng.choice(['Sent from my phone', 'Page 1 of 3', 'Last updated yesterday', 'End of file'])}"


def is_request(text):
    """Tells whether a benign text asks an assistant for work (an injection, once it stands inside a document)."""
    return len(text) < 400 and REQUEST.match(text.strip()) is not None


def excerpt(text, rng, longest):
    """Returns neighbouring sentences of a text, about `longest` characters at most."""
    parts = [p for p in BREAK.split(text) if p.strip()]
    if not parts:
        return text[:longest]
    start = rng.randrange(len(parts))
    chosen, size = [], 0
    for part in parts[start:] + parts[:start]:
        if chosen and size + len(part) > longest:
            break
        chosen.append(part[:longest])
        size += len(part)
    return rng.choice([" ", "\n"]).join(chosen)


def insert(carrier, passage, rng):
    """Puts a passage between two sentences of a carrier."""
    parts = [p for p in BREAK.split(carrier) if p.strip()]
    at = rng.choice([0, len(parts), rng.randint(0, len(parts)), rng.randint(0, len(parts))])
    joint = rng.choice([" ", " ", "\n", "\n\n"])
    return joint.join([*parts[:at], passage, *parts[at:]])
