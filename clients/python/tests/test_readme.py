"""The examples of the README run as they stand; only the address is another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import PATIENT

from llm_shield import AsyncShieldClient, ShieldClient
from llm_shield.testing import LocalServer

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## (.*?)$|^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    title, found = "", []
    for heading, code in EXAMPLES:
        title = heading or title
        if code:
            found.append((title, code))
    return found


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.mark.parametrize(("title", "code"), examples(), ids=[f"{title}-{n}" for n, (title, _) in enumerate(examples())])
def test_example(
    title: str,
    code: str,
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytester: pytest.Pytester,
) -> None:
    if "pandas" in code:
        pytest.importorskip("pandas")
    if "def test_" in code:
        pytester.makepyfile(code)
        pytester.runpytest_subprocess().assert_outcomes(passed=1)
        return
    (tmp_path / "shield").symlink_to(server.data_dir)
    monkeypatch.chdir(tmp_path)
    for client in (ShieldClient, AsyncShieldClient):
        # The defaults are for production, and this machine may be slow.
        monkeypatch.setitem(client.__init__.__kwdefaults__, "deadlines", PATIENT)
    assert "127.0.0.1:8443" in code
    exec(compile(code.replace("127.0.0.1:8443", server.address), title, "exec"), {"__name__": "example"})


def test_there_is_a_quick_start() -> None:
    assert [title for title, _ in examples()][:2] == ["Quick start", "Quick start"]
