"""The real server as a child process, with configuration, certificates and audit log in a temporary directory."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from authority import Authority, replace

TRUST_DOMAIN = "spiffe://conformance.test"
LIMIT_SECONDS = 120


class Server:
    """The server, its authority, and the certificates of its callers."""

    def __init__(self, program: Path, directory: Path, identities: dict, policies: dict) -> None:
        self._program = program
        self._directory = directory
        self._identities = identities
        self._process: subprocess.Popen | None = None
        self._authority = Authority(directory / "authority", "conformance authority")
        self._outside = Authority(directory / "outside", "authority that the server does not trust")
        self._tls = directory / "tls"
        self._tls.mkdir()
        self._authority.server(self._tls / "tls.crt", self._tls / "tls.key")
        self._authority.revocation_list(self._tls / "crl.pem")
        shutil.copy(self._authority.certificate, self._tls / "client-ca.crt")
        for name in identities:
            self._make_client(name)
        self.address = f"127.0.0.1:{free_port()}"
        self._metrics = ""
        self._write_configuration(policies)

    # === what the protocol offers ===

    def start(self, env: dict | None = None) -> None:
        """Starts the server; `env` adds to its environment for this run."""
        if self._process is not None:
            raise RuntimeError("the server is running")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LLM_SHIELD")}
        with open(self._directory / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                [self._program, "serve", "--config", self._directory / "config.yaml"],
                env=environment | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        for line in self._process.stdout:
            if line.startswith("metrics on "):
                self._metrics = line.split()[-1]
                break
        else:
            self._process.wait()
            self._process = None
            raise RuntimeError(f"the server did not start: {self.log_tail()}")
        # Read on, or a full pipe would stop the server.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        wait_for("the server answers", self.requests)

    def stop(self) -> None:
        """Ends the server as an orchestrator would, and refuses any way of ending but a clean one."""
        process = self._running()
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            status = process.wait(LIMIT_SECONDS)
        finally:
            process.kill()
            process.wait()
            self._process = None
        if status != 0:
            raise RuntimeError(f"the server ended with {status}: {self.log_tail()}")

    def restart(self, env: dict | None = None) -> None:
        """Stops the server and starts it at the same address."""
        if self._process is not None:
            self.stop()
        self.start(env)

    def pause(self) -> None:
        """Stops the server's threads: connections stay open and nothing is answered."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        # The signal is sent to one thread, which stops the others when it gets to run: until then they answer.
        os.waitpid(process.pid, os.WUNTRACED)

    def resume(self) -> None:
        """Undoes `pause`."""
        self._running().send_signal(signal.SIGCONT)

    def rotate(self, client: str, identity: str | None = None, valid_seconds: int | None = None) -> None:
        """Puts a new certificate and key into a client's files, of another identity where one is named."""
        files = self.files(client)
        spiffe_id = f"{TRUST_DOMAIN}/{identity or client}"
        self._authority.client(files["cert"], files["key"], spiffe_id, valid_seconds)

    def rotate_server(self) -> None:
        """Gives the server a certificate of a new authority; the clients' bundles have it beside the old one."""
        successor = Authority(self._directory / f"successor-{time.monotonic_ns()}", "conformance authority, successor")
        for name in self._identities:
            bundle = self.files(name)["ca"]
            both = bundle.read_text() + successor.certificate.read_text()
            replace(bundle, lambda new, both=both: new.write_text(both))
        successor.server(self._tls / "tls.crt", self._tls / "tls.key")
        self._reload()

    def revoke(self, client: str) -> None:
        """Revokes a client's certificate; connections that it has open are refused from now on, too."""
        self._authority.revoke(self.files(client)["cert"])
        self._authority.revocation_list(self._tls / "crl.pem")
        self._reload()

    def break_audit(self, client: str, heal_after: int | None = None) -> None:
        """Keeps the records of a client's tenant from being written: its calls are answered UNAVAILABLE.

        The tenant must not have a record yet. With `heal_after`, that many refusals end it.
        """
        tenant = self._identities[client]["tenant"]
        in_the_way = self._directory / "data/audit/outbox" / tenant
        if in_the_way.is_dir():
            raise RuntimeError(f"the tenant `{tenant}` has records already")
        in_the_way.touch()
        if heal_after is None:
            return
        wanted = self._refused() + heal_after

        def watch() -> None:
            wait_for("refusals", lambda: self._refused() >= wanted, pause=0.002)
            in_the_way.unlink(missing_ok=True)

        threading.Thread(target=watch, daemon=True).start()

    def requests(self) -> dict:
        """Returns how many requests were answered with which status, by method."""
        text = self._scrape()
        counts: dict = {}
        for labels, value in re.findall(r"^shield_requests_total\{(.*)\} ([0-9]+)$", text, re.MULTILINE):
            named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            counts.setdefault(named["rpc"], {})[named["status"]] = int(value)
        return counts

    # === for the harness ===

    def in_flight(self) -> int:
        """Returns how many requests are being worked on."""
        found = re.search(r"^shield_in_flight_requests ([0-9]+)$", self._scrape(), re.MULTILINE)
        return int(found[1]) if found else 0

    def files(self, client: str) -> dict[str, Path]:
        """Returns where a client's files lie."""
        if client not in self._identities:
            raise RuntimeError(f"there is no client `{client}`")
        directory = self._directory / "clients" / client
        return {
            "dir": directory,
            "ca": directory / "ca.crt",
            "cert": directory / "tls.crt",
            "key": directory / "tls.key",
        }

    def kill(self) -> None:
        """Ends the server whatever its state."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log_tail(self) -> str:
        """Returns the last lines of the server's log."""
        path = self._directory / "server.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-5:]) if path.exists() else ""

    def _scrape(self) -> str:
        with urllib.request.urlopen(self._metrics, timeout=LIMIT_SECONDS) as answer:
            return answer.read().decode()

    def _running(self) -> subprocess.Popen:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    def _reload(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def _refused(self) -> int:
        return sum(statuses.get("UNAVAILABLE", 0) for statuses in self.requests().values())

    def _make_client(self, name: str) -> None:
        files = self.files(name)
        files["dir"].mkdir(parents=True)
        spiffe_id = f"{TRUST_DOMAIN}/{name}"
        identity = self._identities[name]
        issuer = self._outside if identity.get("untrusted") else self._authority
        issuer.client(files["cert"], files["key"], spiffe_id)
        trusted = self._outside if identity.get("distrusts_server") else self._authority
        shutil.copy(trusted.certificate, files["ca"])

    def _write_configuration(self, policies: dict) -> None:
        named = {}
        for name, policy in policies.items():
            path = self._directory / f"{name}.yaml"
            path.write_text(json.dumps({"name": name} | policy))
            named[name] = str(path)
        mapped = [
            {"match": f"{TRUST_DOMAIN}/{name}", "principal": name, "tenant": one["tenant"], "roles": one["roles"]}
            for name, one in self._identities.items()
            if one.get("roles")
        ]
        # JSON is YAML.
        (self._directory / "config.yaml").write_text(
            json.dumps(
                {
                    "listen": self.address,
                    "data_dir": str(self._directory / "data"),
                    "tls": {
                        "cert": str(self._tls / "tls.crt"),
                        "key": str(self._tls / "tls.key"),
                        "client_ca": str(self._tls / "client-ca.crt"),
                        "crl": str(self._tls / "crl.pem"),
                    },
                    "identities": mapped,
                    "policies": {"files": named},
                    "admin": {"listen": "127.0.0.1:0"},
                    # The machine may be slow, and nothing here is about that.
                    "limits": {"handshake_timeout": 60},
                    "model": {"enabled": False},
                    "shutdown": {"drain_timeout": 2},
                }
            )
        )


def free_port() -> int:
    """Returns a port of the loopback interface that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what: str, done, pause: float = 0.05) -> None:
    """Waits until `done` returns without error and not `False`."""
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            if done() is not False:
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"did not happen: {what}")
        time.sleep(pause)
