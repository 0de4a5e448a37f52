"""Starts `clients/conformance/harness.py` and talks to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONFORMANCE = Path(__file__).resolve().parents[2] / "conformance"


class Harness:
    """The real server with its certificates."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, CONFORMANCE / "harness.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ready = self._read()
        self.address: str = ready["address"]
        self.server_name: str = ready["server_name"]
        self.clients: dict[str, dict[str, str]] = ready["clients"]

    def send(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Sends a command and returns its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        assert answer["ok"], answer["error"]
        return answer

    def requests(self, rpc: str) -> int:
        """Returns how many requests of a method the server has seen."""
        return sum(self.send("requests")["requests"].get(rpc, {}).values())

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the harness ended"
        return json.loads(line)
