"""Scan and redact columns of a data frame.

import llm_shield.pandas as shielding

decisions = shielding.scan(frame["prompt"], client)      # a frame with the index of the column
frame["prompt"] = shielding.redact(frame["prompt"], client)
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pandas as pd
from typing_extensions import Unpack

from ._answers import RedactResult, as_dict
from ._calls import DecisionOptions, RedactOptions
from ._client import ShieldClient
from ._enums import Action
from ._errors import ShieldError

Answer = TypeVar("Answer")

#: The columns of `scan`; what else an answer has is under `findings`.
COLUMNS = ("action", "verdict", "injection_score", "entities", "findings", "unavailable", "audit_record_id")


def scan(
    texts: pd.Series[Any], client: ShieldClient, *, workers: int = 8, **options: Unpack[DecisionOptions]
) -> pd.DataFrame:
    """Scans each text by itself and returns the decisions, with the names of the enums.

    A missing text has a missing decision. Raises ShieldError, as `ShieldClient.scan` does.
    """

    def row(text: str) -> dict[str, Any]:
        result = client.scan(text, **options)
        plain = as_dict(result)
        plain["entities"] = sorted({finding.entity for finding in result.findings})
        return {name: plain[name] for name in COLUMNS}

    rows = _each(texts, row, workers)
    return pd.DataFrame([row or dict.fromkeys(COLUMNS) for row in rows], index=texts.index, columns=list(COLUMNS))


def redact(
    texts: pd.Series[Any], client: ShieldClient, *, workers: int = 8, **options: Unpack[RedactOptions]
) -> pd.Series[Any]:
    """Redacts each text by itself. A missing text stays missing, and so becomes one that the policy blocks.

    Raises ShieldError, as `ShieldClient.redact` does.
    """

    def text_of(text: str) -> str | None:
        result: RedactResult = client.redact(text, **options)
        return None if result.action in (Action.BLOCK, Action.UNSPECIFIED) else result.text

    return pd.Series(_each(texts, text_of, workers), index=texts.index, name=texts.name, dtype=object)


def _each(texts: pd.Series[Any], work: Callable[[str], Answer], workers: int) -> list[Answer | None]:
    def one(text: Any) -> Answer | None:
        if isinstance(text, str):
            return work(text)
        if pd.isna(text):
            return None
        raise TypeError(f"the column has a {type(text).__name__} among its texts")

    with ThreadPoolExecutor(max_workers=workers) as pool:
        answers = [pool.submit(one, text) for text in texts]
        try:
            return [answer.result() for answer in answers]
        except (ShieldError, TypeError):
            # What has not begun need not.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
