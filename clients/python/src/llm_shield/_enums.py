"""The closed choices of the API, under the numbers that they have in the schema.

A number that a newer server sends and this version does not know becomes `UNSPECIFIED`: neither allowed nor blocked,
and whoever asks `allowed` is told no.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class _Open(IntEnum):
    @classmethod
    def _missing_(cls, value: object) -> Any:
        return cls(0) if isinstance(value, int) else None


class Role(_Open):
    """Says whose text a content is; it decides what counts as an instruction."""

    UNSPECIFIED = 0
    USER = 1
    SYSTEM = 2
    ASSISTANT = 3
    TOOL = 4
    DOCUMENT = 5


class Direction(_Open):
    """Says on which side of the model the contents were seen."""

    UNSPECIFIED = 0
    INPUT = 1
    OUTPUT = 2


class Action(_Open):
    """What the policy asks the caller to do."""

    UNSPECIFIED = 0
    ALLOW = 1
    FLAG = 2
    REDACT = 3
    BLOCK = 4


class Verdict(_Open):
    """What the detectors found, whatever the policy does about it."""

    UNSPECIFIED = 0
    BENIGN = 1
    SUSPICIOUS = 2
    SENSITIVE = 3
    MALICIOUS = 4
    UNDETERMINED = 5


class Severity(_Open):
    """Ranks what it would cost to miss a finding."""

    UNSPECIFIED = 0
    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class StreamMode(_Open):
    """Says what a stream lets out before its end."""

    UNSPECIFIED = 0
    SLIDING = 1
    BUFFERED = 2
    AUDIT = 3


class DetectorStatus(_Open):
    """How a detector fared on a request."""

    UNSPECIFIED = 0
    OK = 1
    SKIPPED = 2
    TIMED_OUT = 3
    FAILED = 4
    SHADOW = 5
