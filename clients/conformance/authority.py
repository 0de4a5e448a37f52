"""Certificates for the conformance run, made by the `openssl` program: the standard library cannot sign.

Not an example of how to run an authority: keys lie unencrypted in a temporary directory and live as long as a test run.
"""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path

CONFIGURATION = """
[ca]
default_ca = own
[own]
dir = {dir}
database = {dir}/index.txt
new_certs_dir = {dir}/issued
crlnumber = {dir}/crlnumber
certificate = {dir}/ca.crt
private_key = {dir}/ca.key
rand_serial = yes
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
crl_extensions = crl
[any]
commonName = supplied
[crl]
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
prompt = no
[name]
CN = llm-shield conformance
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """An authority with its list of revoked certificates."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        (directory / "issued").mkdir(parents=True)
        (directory / "index.txt").touch()
        (directory / "crlnumber").write_text("01\n")
        self._configuration = directory / "openssl.cnf"
        self._configuration.write_text(CONFIGURATION.format(dir=directory))
        openssl(
            "req",
            "-x509",
            *KEY,
            "-config",
            self._configuration,
            "-extensions",
            "authority",
            "-days",
            "30",
            "-subj",
            f"/CN={name}",
            "-keyout",
            directory / "ca.key",
            "-out",
            self.certificate,
        )

    @property
    def certificate(self) -> Path:
        """The file with the authority's own certificate."""
        return self.directory / "ca.crt"

    def server(self, certificate: Path, key: Path) -> None:
        """Issues a certificate for `localhost` and the loopback addresses."""
        self._issue(certificate, key, "serverAuth", "DNS:localhost,IP:127.0.0.1,IP:::1", datetime.timedelta(days=7))

    def client(self, certificate: Path, key: Path, spiffe_id: str, valid_seconds: int | None = None) -> None:
        """Issues a client certificate with a SPIFFE ID."""
        valid = datetime.timedelta(seconds=valid_seconds) if valid_seconds else datetime.timedelta(days=7)
        self._issue(certificate, key, "clientAuth", f"URI:{spiffe_id}", valid)

    def revoke(self, certificate: Path) -> None:
        """Puts a certificate on the list."""
        openssl("ca", "-config", self._configuration, "-revoke", certificate)

    def revocation_list(self, path: Path) -> None:
        """Writes the list as it is now."""
        replace(path, lambda new: openssl("ca", "-config", self._configuration, "-gencrl", "-out", new))

    def _issue(self, certificate: Path, key: Path, usage: str, names: str, valid: datetime.timedelta) -> None:
        request, extensions = self.directory / "request.pem", self.directory / "extensions.cnf"
        extensions.write_text(
            f"keyUsage = critical, digitalSignature\nextendedKeyUsage = {usage}\nsubjectAltName = {names}\n"
            "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
        )
        now = datetime.datetime.now(datetime.timezone.utc)
        start, end = (when.strftime("%y%m%d%H%M%SZ") for when in (now - datetime.timedelta(hours=1), now + valid))
        new_key = beside(key)
        openssl(
            "req",
            "-new",
            *KEY,
            "-config",
            self._configuration,
            "-subj",
            "/CN=leaf",
            "-keyout",
            new_key,
            "-out",
            request,
        )
        new_certificate = beside(certificate)
        openssl(
            "ca",
            "-batch",
            "-notext",
            "-config",
            self._configuration,
            "-startdate",
            start,
            "-enddate",
            end,
            "-extfile",
            extensions,
            "-in",
            request,
            "-out",
            new_certificate,
        )
        # A client that looks between the two sees a pair that does not match, and must keep what it has.
        os.replace(new_key, key)
        os.replace(new_certificate, certificate)


def replace(path: Path, write) -> None:
    """Writes a file whole or not at all: nobody meets half of it."""
    new = beside(path)
    write(new)
    os.replace(new, path)


def beside(path: Path) -> Path:
    """Names the file that is to take the place of another."""
    return path.with_name(f"{path.name}.new")


def openssl(*arguments: object) -> None:
    """Runs the program and refuses its failure."""
    command = ["openssl", *map(str, arguments)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise RuntimeError("the conformance harness needs the program `openssl`") from None
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command[:2])} …` failed: {done.stderr.strip()}")
