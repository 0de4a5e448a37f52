from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Harness

from llm_shield import Deadlines, ShieldClient, TlsCredentials

pytest_plugins = ["pytester"]

#: No test here measures time, and the machine may be slow.
PATIENT = Deadlines(scan=30, redact=30, audit=30, other=30)


@pytest.fixture(scope="session")
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.close()


@pytest.fixture(scope="session")
def shield(harness: Harness) -> Iterator[ShieldClient]:
    credentials = TlsCredentials.from_directory(harness.clients["all"]["dir"])
    with ShieldClient(harness.address, credentials, on_unavailable="block", deadlines=PATIENT) as client:
        yield client
