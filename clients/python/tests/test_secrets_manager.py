"""Certificates out of AWS Secrets Manager, emulated over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENT
from harness import Harness

from llm_shield import AsyncShieldClient, CredentialsError, ShieldClient, TlsCredentials

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def secrets() -> Any:
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "secretsmanager",
        region_name="eu-west-1",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    server.stop()


def secret_of(harness: Harness, client: str) -> str:
    files = harness.clients[client]
    return json.dumps({name: Path(files[name]).read_text() for name in ("ca", "cert", "key")})


def test_a_rotated_secret_is_taken(secrets: Any, harness: Harness) -> None:
    secrets.create_secret(Name="shield/rotated", SecretString=secret_of(harness, "all"))
    credentials = TlsCredentials.from_secrets_manager("shield/rotated", client=secrets)
    with ShieldClient(harness.address, credentials, on_unavailable="block", deadlines=PATIENT) as client:
        assert client.server_info().principal == "all"
        assert client.reload() is False
        secrets.put_secret_value(SecretId="shield/rotated", SecretString=secret_of(harness, "app"))
        assert client.reload() is True
        assert client.server_info().principal == "app"


async def test_the_asynchronous_client_takes_it_too(secrets: Any, harness: Harness) -> None:
    secrets.create_secret(Name="shield/async", SecretBinary=secret_of(harness, "all").encode())
    # Due at each call: it is read in a thread, and calls do not wait for it.
    credentials = TlsCredentials.from_secrets_manager("shield/async", client=secrets, interval=0)
    async with AsyncShieldClient(harness.address, credentials, on_unavailable="block", deadlines=PATIENT) as client:
        assert (await client.server_info()).principal == "all"
        secrets.put_secret_value(SecretId="shield/async", SecretString=secret_of(harness, "app"))
        for _ in range(200):
            if (await client.server_info()).principal == "app":
                break
        else:
            pytest.fail("the new secret was not taken")


@pytest.mark.parametrize("content", ["not JSON with key-canary", '{"ca": "x"}', '["key-canary"]'])
def test_what_is_no_such_secret_is_not_quoted(secrets: Any, content: str) -> None:
    name = f"shield/bad-{abs(hash(content))}"
    secrets.create_secret(Name=name, SecretString=content)
    with pytest.raises(CredentialsError, match="is not a JSON object") as raised:
        TlsCredentials.from_secrets_manager(name, client=secrets).read()
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_secret_that_is_not_there(secrets: Any) -> None:
    with pytest.raises(CredentialsError, match="ResourceNotFoundException"):
        TlsCredentials.from_secrets_manager("shield/none", client=secrets).read()
