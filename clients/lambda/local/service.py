"""The service on embedded defaults, in a directory of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path


class Service:
    """The running service, and the certificates of a client of it."""

    def __init__(self, program: Path, directory: Path) -> None:
        self.data = directory / "data"
        self.tls = directory / "tls"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LLM_SHIELD")}
        environment |= {"LLM_SHIELD__LISTEN": "127.0.0.1:0"}
        with open(directory / "service.log", "wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", "--data-dir", self.data], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self._process.stdout:
            if match := re.search(r"127\.0\.0\.1:[1-9][0-9]*", line):
                self.address = match[0]
                break
        else:
            self.stop()
            raise SystemExit(f"the service did not start: {(directory / 'service.log').read_text(errors='replace')}")
        # Read on, or a full pipe would stop the service.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        self.tls.mkdir(mode=0o700)
        for source, target in [("ca.pem", "ca.crt"), ("clients/app.pem", "tls.crt"), ("clients/app.key", "tls.key")]:
            shutil.copy(self.data / source, self.tls / target)

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
