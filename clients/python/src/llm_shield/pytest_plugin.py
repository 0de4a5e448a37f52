"""Fixtures for pytest, there wherever this package is installed; nothing starts until a test asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._client import ShieldClient
    from .testing import LocalServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that names the server's program."""
    group = parser.getgroup("llm-shield")
    group.addoption("--llm-shield-bin", metavar="PATH", help="the llm-shield program; also LLM_SHIELD_BIN, or the path")


@pytest.fixture(scope="session")
def shield_server(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """A local llm-shield server for the whole run."""
    from .testing import LocalServer

    try:
        server = LocalServer(request.config.getoption("--llm-shield-bin"))
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
    with server:
        yield server


@pytest.fixture
def shield_client(shield_server: LocalServer) -> Iterator[ShieldClient]:
    """A client of the local server, that may do everything; `on_unavailable` is "block"."""
    with shield_server.client(on_unavailable="block") as client:
        yield client
