#!/usr/bin/env python3
"""Runs the real server for the conformance suites of all languages. README.md has the protocol.

Needs Python's standard library, `openssl`, and the server's program.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from occupy import open_request
from server import Server, wait_for

HERE = Path(__file__).resolve().parent
# A variable that `cargo xtask` has for the same purpose.
PROGRAM_VARIABLE = "LLM_SHIELD_BIN"


class Harness:
    """Reads commands and answers each with one line."""

    def __init__(self, server: Server, clients: list[str]) -> None:
        self._server = server
        self._clients = clients
        self._occupied = []

    def run(self) -> None:
        """Starts the server and obeys until there is nothing to read."""
        self._server.start()
        say(
            {
                "event": "ready",
                "address": self._server.address,
                "server_name": "localhost",
                "clients": {
                    name: {part: str(path) for part, path in self._server.files(name).items()} for name in self._clients
                },
            }
        )
        for line in sys.stdin:
            try:
                command = json.loads(line)
                answer = self._obey(command.pop("command"), command)
            except Exception as error:  # whatever it is, whoever asked is to know
                say({"ok": False, "error": f"{type(error).__name__}: {error}"})
                continue
            say({"ok": True, **(answer or {})})
            if answer == {"ended": True}:
                return

    def _obey(self, name: str, arguments: dict) -> dict | None:
        server = self._server
        plain = {
            "start": server.start,
            "stop": server.stop,
            "restart": server.restart,
            "pause": server.pause,
            "resume": server.resume,
            "rotate": server.rotate,
            "rotate_server": server.rotate_server,
            "revoke": server.revoke,
            "break_audit": server.break_audit,
        }
        if name in plain:
            return plain[name](**arguments)
        if name == "requests":
            return {"requests": server.requests()}
        if name == "occupy":
            rpc = arguments.get("rpc", "Scan")
            self._occupied.append(open_request(server.address, server.files(arguments["client"]), rpc))
            wait_for("the request is at work", lambda: server.in_flight() >= len(self._occupied))
            return None
        if name == "release":
            while self._occupied:
                self._occupied.pop().close()
            return None
        if name == "quit":
            return {"ended": True}
        raise ValueError(f"there is no command `{name}`")


def say(message: dict) -> None:
    """Writes one line."""
    print(json.dumps(message), flush=True)


def program(given: str | None) -> Path:
    """Finds the server's program."""
    named = given or os.environ.get(PROGRAM_VARIABLE)
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target"))
    candidates = [Path(named)] if named else [target / profile / "llm-shield" for profile in ("debug", "release")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    sys.exit(f"no server at {', '.join(map(str, candidates))}: `cargo build -p llm-shield`, or set {PROGRAM_VARIABLE}")


def main() -> None:
    """Runs the harness."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", metavar="PATH", help=f"the server's program; also {PROGRAM_VARIABLE}")
    arguments = parser.parse_args()
    # An end by signal is to clean up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    path = program(arguments.server)
    cases = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
    directory = Path(tempfile.mkdtemp(prefix="llm-shield-conformance-"))
    server = None
    try:
        server = Server(path, directory, cases["identities"], cases["policies"])
        Harness(server, list(cases["identities"])).run()
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
