"""The rotation of certificates: the real program, against an emulated AWS Private CA and Secrets Manager."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "local"))
from function import Function  # noqa: E402

NAME = "llm-shield/tls/clients/chat"
SERVER_KEY, SERVER_CERTIFICATE = "llm-shield/tls/key", "llm-shield/tls/cert"
SERVER_NAMES = ["api.llm-shield.internal", "spiffe://example.org/llm-shield/api"]
SPIFFE_ID = "spiffe://example.org/llm-shield/chat"
AWS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "emulated", "AWS_SECRET_ACCESS_KEY": "emulated"}
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    moto = subprocess.Popen(
        [os.environ["MOTO_SERVER"], "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    moto.kill()
    moto.wait()


def client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=AWS["AWS_REGION"],
        aws_access_key_id="emulated",
        aws_secret_access_key="emulated",
    )


@pytest.fixture(scope="module")
def authority(endpoint: str) -> str:
    pca = client("acm-pca", endpoint)
    arn = pca.create_certificate_authority(
        CertificateAuthorityType="ROOT",
        CertificateAuthorityConfiguration={
            "KeyAlgorithm": "EC_prime256v1",
            "SigningAlgorithm": "SHA256WITHECDSA",
            "Subject": {"CommonName": "test"},
        },
    )["CertificateAuthorityArn"]
    request = pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"]
    root = pca.issue_certificate(
        CertificateAuthorityArn=arn,
        Csr=request.encode(),
        SigningAlgorithm="SHA256WITHECDSA",
        TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1",
        Validity={"Type": "YEARS", "Value": 10},
    )["CertificateArn"]
    certificate = pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=root)["Certificate"]
    pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=certificate.encode())
    return arn


@pytest.fixture(scope="module")
def rotate(endpoint: str, authority: str) -> Iterator[Function]:
    settings = AWS | {
        "AWS_ENDPOINT_URL": endpoint,
        "NO_PROXY": "127.0.0.1",
        "LLM_SHIELD_CERTIFICATE_AUTHORITY": authority,
        "LLM_SHIELD_CERTIFICATE_NAMES": json.dumps({NAME: SPIFFE_ID, SERVER_KEY: SERVER_NAMES}),
    }
    function = Function("rotate", Path(os.environ["LLM_SHIELD_ROTATE"]), settings)
    yield function
    function.stop()


def version_to_come(secrets: Any, name: str) -> str:
    """Makes a version that Secrets Manager would have announced."""
    token = str(uuid.uuid4())
    secrets.put_secret_value(
        SecretId=name, ClientRequestToken=token, SecretString="-", VersionStages=["AWSPENDING"]
    )
    return token


def current(secrets: Any, name: str) -> str:
    """Returns what is in force."""
    return str(secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])


def test_a_certificate_is_renewed(endpoint: str, rotate: Function) -> None:
    secrets = client("secretsmanager", endpoint)
    secrets.create_secret(Name=NAME, SecretString="first")
    announced = secrets.describe_secret(SecretId=NAME)
    keys = []
    for _ in range(2):
        token = str(uuid.uuid4())
        # What is announced has a stage and no value; the emulation knows versions by their values alone.
        secrets.put_secret_value(
            SecretId=NAME, ClientRequestToken=token, SecretString="{}", VersionStages=["AWSPENDING"]
        )
        for step in STEPS:
            answer = rotate.invoke({"Step": step, "SecretId": announced["ARN"], "ClientRequestToken": token})
            assert answer is None, (step, answer)
            # Secrets Manager calls again what it is not sure of.
            again = rotate.invoke({"Step": step, "SecretId": announced["ARN"], "ClientRequestToken": token})
            assert again is None, (step, again)
        value = json.loads(current(secrets, NAME))
        certificate = x509.load_pem_x509_certificate(value["cert"].encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE_ID]
        key = load_pem_private_key(value["key"].encode(), None)
        assert key.public_key() == certificate.public_key()
        assert "BEGIN CERTIFICATE" in value["ca"]
        keys.append(value["key"])
    assert keys[0] != keys[1]


def test_the_services_key_and_certificate_are_renewed_together(endpoint: str, rotate: Function) -> None:
    secrets = client("secretsmanager", endpoint)
    arn = secrets.create_secret(Name=SERVER_KEY, SecretString="first")["ARN"]
    secrets.create_secret(Name=SERVER_CERTIFICATE, SecretString="first")

    def both() -> tuple[str, str]:
        return current(secrets, SERVER_KEY), current(secrets, SERVER_CERTIFICATE)

    keys = []
    for _ in range(2):
        token = version_to_come(secrets, SERVER_KEY)
        before = both()
        for step in STEPS:
            assert both() == before, step
            for _ in range(2):
                answer = rotate.invoke({"Step": step, "SecretId": arn, "ClientRequestToken": token})
                assert answer is None, (step, answer)
        key_text, certificate_text = both()
        certificate = x509.load_pem_x509_certificate(certificate_text.encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == SERVER_NAMES[:1]
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == SERVER_NAMES[1:]
        assert load_pem_private_key(key_text.encode(), None).public_key() == certificate.public_key()
        keys.append(key_text)
    assert keys[0] != keys[1]


def test_a_key_that_was_kept_before_its_certificate_is_certified(endpoint: str, rotate: Function) -> None:
    secrets = client("secretsmanager", endpoint)
    arn = secrets.describe_secret(SecretId=SERVER_KEY)["ARN"]
    made = ec.generate_private_key(ec.SECP256R1())
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    token = str(uuid.uuid4())
    secrets.put_secret_value(
        SecretId=SERVER_KEY, ClientRequestToken=token, SecretString=pem, VersionStages=["AWSPENDING"]
    )
    for step in STEPS:
        assert rotate.invoke({"Step": step, "SecretId": arn, "ClientRequestToken": token}) is None
    certificate = current(secrets, SERVER_CERTIFICATE)
    assert x509.load_pem_x509_certificate(certificate.encode()).public_key() == made.public_key()


@pytest.mark.parametrize("step", ["createSecret", "reveal"])
def test_what_is_not_to_be_renewed_stays(endpoint: str, rotate: Function, step: str) -> None:
    secrets = client("secretsmanager", endpoint)
    name = f"llm-shield/other/{step}"
    arn = secrets.create_secret(Name=name, SecretString="first")["ARN"]
    token = version_to_come(secrets, name)
    answer = rotate.invoke({"Step": step, "SecretId": arn, "ClientRequestToken": token})
    assert answer["statusCode"] == 502
    assert current(secrets, name) == "first"
    unknown = rotate.invoke({"Step": "createSecret", "SecretId": arn, "ClientRequestToken": str(uuid.uuid4())})
    assert unknown["statusCode"] == 502
