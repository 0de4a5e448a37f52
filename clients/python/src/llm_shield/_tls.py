"""Mutual TLS: where authority, certificate and key come from, and whether what is there now can be used."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILES_INTERVAL = 5.0
SECRET_INTERVAL = 300.0
DIRECTORY_NAMES = ("ca.crt", "tls.crt", "tls.key")
SECRET_KEYS = ("ca", "cert", "key")


class CredentialsError(Exception):
    """Authority, certificate or key cannot be read, or do not belong together. The message never has their content."""


@dataclass(frozen=True)
class Material:
    """The authorities to trust, the own certificate chain, and its key, in PEM."""

    ca: bytes
    cert: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def check(self) -> None:
        """Refuses what gRPC would take without a word and then fail every call with.

        Raises CredentialsError.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=self.ca.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError):
            raise CredentialsError("the authority is no certificate in PEM") from None
        if not context.get_ca_certs():
            raise CredentialsError("the authority is no certificate in PEM")
        try:
            with _as_file(self.cert + b"\n" + self.key) as path:
                # A password is asked for on the terminal otherwise.
                context.load_cert_chain(path, password=lambda: "")
        except (ssl.SSLError, ValueError):
            raise CredentialsError("certificate and key are not PEM, encrypted, or do not belong together") from None


class TlsCredentials:
    """Where a client's authority, certificate and key come from.

    They are looked at again from time to time, and a change is used for new connections; see `ShieldClient.reload`.
    """

    def __init__(self, load: Callable[[], Material], *, interval: float, blocking: bool) -> None:
        """Takes any source: `load` returns what is there now, `blocking` says that it may take long."""
        self._load = load
        self.interval = interval
        self.blocking = blocking

    @classmethod
    def from_files(
        cls,
        ca: str | os.PathLike[str],
        cert: str | os.PathLike[str],
        key: str | os.PathLike[str],
        *,
        interval: float = FILES_INTERVAL,
    ) -> TlsCredentials:
        """Takes three PEM files: the authorities to trust, the certificate chain, its key."""
        paths = [Path(path) for path in (ca, cert, key)]

        def load() -> Material:
            try:
                return Material(*(path.read_bytes() for path in paths))
            except OSError as error:
                raise CredentialsError(f"cannot read {error.filename}: {error.strerror}") from error

        return cls(load, interval=interval, blocking=False)

    @classmethod
    def from_directory(cls, path: str | os.PathLike[str], *, interval: float = FILES_INTERVAL) -> TlsCredentials:
        """Takes a directory with `ca.crt`, `tls.crt` and `tls.key`, as Kubernetes and cert-manager lay out a secret."""
        ca, cert, key = (Path(path) / name for name in DIRECTORY_NAMES)
        return cls.from_files(ca, cert, key, interval=interval)

    @classmethod
    def from_data_dir(cls, path: str | os.PathLike[str], client: str = "dev") -> TlsCredentials:
        """Takes the development certificates that `llm-shield serve` makes under its data directory."""
        clients = Path(path) / "clients"
        return cls.from_files(Path(path) / "ca.pem", clients / f"{client}.pem", clients / f"{client}.key")

    @classmethod
    def from_secrets_manager(
        cls,
        secret_id: str,
        *,
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        interval: float = SECRET_INTERVAL,
    ) -> TlsCredentials:
        """Takes a secret of AWS Secrets Manager that holds `{"ca": PEM, "cert": PEM, "key": PEM}`.

        `client` is a boto3 client of Secrets Manager; without, one is made of the environment (extra `aws`).
        """
        if client is None:
            try:
                import boto3
            except ImportError:
                raise ImportError("from_secrets_manager needs boto3: pip install 'llm-shield[aws]'") from None
            client = boto3.client("secretsmanager", region_name=region, endpoint_url=endpoint_url)

        def load() -> Material:
            try:
                # The stage is named because a rotation may have left another one current where none is.
                answer = client.get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")
            except Exception as error:
                code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
                raise CredentialsError(f"cannot read the secret `{secret_id}`: {code}") from error
            return _of_secret(secret_id, answer)

        return cls(load, interval=interval, blocking=True)

    def read(self) -> Material:
        """Returns what is there now.

        Raises CredentialsError.
        """
        material = self._load()
        material.check()
        return material


def _of_secret(secret_id: str, answer: dict[str, Any]) -> Material:
    text = answer.get("SecretString") or answer.get("SecretBinary") or ""
    try:
        secret = json.loads(text)
        return Material(*(secret[name].encode() for name in SECRET_KEYS))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Without the cause, which may quote the secret.
        message = f"the secret `{secret_id}` is not a JSON object with the texts {', '.join(SECRET_KEYS)}"
        raise CredentialsError(message) from None


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Gives the content a path, for `ssl` takes nothing else: in memory where the system can do that."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("llm-shield")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    # Made with mode 0600.
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(content)
    try:
        yield file.name
    finally:
        os.unlink(file.name)
