"""The fixtures, as another project's tests have them."""

from __future__ import annotations

import pytest


def test_the_fixtures_start_a_server(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_scan(shield_client):
            assert shield_client.scan("hello").allowed

        def test_other_callers(shield_server):
            with shield_server.client("auditor", on_unavailable="block") as auditor:
                assert auditor.server_info().roles == ("auditor",)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_without_the_program_it_says_what_to_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_scan(shield_client): pass")
    result = pytester.runpytest_subprocess("--llm-shield-bin", "/no/such/program")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no program `/no/such/program`*LLM_SHIELD_BIN*"])
