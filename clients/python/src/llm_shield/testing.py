"""A local server for tests: `llm-shield serve` on its embedded defaults, in a directory of its own.

    with LocalServer() as server, server.client(on_unavailable="block") as shield:
        assert shield.scan("hello").allowed

The program is the one given, `LLM_SHIELD_BIN`, or `llm-shield` on the path. With pytest the fixtures `shield_server`
and `shield_client` are there by themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from ._calls import Deadlines, OnUnavailable
from ._client import ShieldClient
from ._tls import TlsCredentials

PROGRAM_VARIABLE = "LLM_SHIELD_BIN"
STOP_SECONDS = 60.0

#: A test is about what is answered, on whatever machine.
PATIENT = Deadlines(scan=30, redact=30, audit=30, other=30)


class LocalServer:
    """A server at a free port of 127.0.0.1 with development certificates; ended and cleaned up behind the `with`.

    `env` adds to its environment: `{"LLM_SHIELD__POLICIES__DEFAULT": "strict"}` sets any key of the configuration.
    """

    def __init__(self, program: str | os.PathLike[str] | None = None, *, env: Mapping[str, str] | None = None) -> None:
        self._program = _program(program)
        self._env = dict(env or {})
        self._process: subprocess.Popen[str] | None = None
        self.data_dir = Path(tempfile.mkdtemp(prefix="llm-shield-"))
        self.address = ""

    def start(self) -> Self:
        """Starts the server and waits until it listens."""
        command = [self._program, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(self.data_dir)]
        # What configures the server of the developer is not for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LLM_SHIELD")}
        self._process = subprocess.Popen(  # noqa: S603 - the program is the caller's choice
            command,
            env=environment | self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        output = self._process.stdout
        for line in output or ():
            if line.startswith("listening on "):
                self.address = line.split()[-1]
                break
        else:
            status = self._process.wait()
            self.stop()
            raise RuntimeError(f"`{' '.join(command[:2])}` ended with {status}")
        # Read on, or a full pipe would stop the server.
        threading.Thread(target=output.read if output else None, daemon=True).start()
        return self

    def stop(self) -> None:
        """Ends the server and removes its directory."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def credentials(self, client: str = "dev") -> TlsCredentials:
        """Returns a development certificate: `app` scans and redacts, `auditor` reads the log, `dev` does all."""
        return TlsCredentials.from_data_dir(self.data_dir, client)

    def client(self, name: str = "dev", *, on_unavailable: OnUnavailable, **options: Any) -> ShieldClient:
        """Returns a client, with deadlines for slow machines unless it is given others."""
        options = {"deadlines": PATIENT} | options
        return ShieldClient(self.address, self.credentials(name), on_unavailable=on_unavailable, **options)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _program(given: str | os.PathLike[str] | None) -> str:
    named = given or os.environ.get(PROGRAM_VARIABLE)
    found = shutil.which(named or "llm-shield")
    if found is None:
        raise FileNotFoundError(
            f"there is no program `{named or 'llm-shield'}`: give its path, or set {PROGRAM_VARIABLE}"
        )
    return found
