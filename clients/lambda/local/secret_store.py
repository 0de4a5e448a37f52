"""Secrets Manager's `GetSecretValue`, with the client's certificate as the one secret there is."""

from __future__ import annotations

import json
from pathlib import Path

from web import Handler, serve

NAME = "llm-shield/filters"
PARTS = {"ca": "ca.crt", "cert": "tls.crt", "key": "tls.key"}


class SecretStore:
    """The endpoint."""

    def __init__(self, tls: Path) -> None:
        class Api(Handler):
            """Answers signed questions for the secret's current version."""

            def do_POST(self) -> None:  # noqa: N802 (the name is the standard library's)
                """`GetSecretValue`"""
                asked = json.loads(self.read())
                is_signed = self.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=")
                if self.headers.get("x-amz-target") != "secretsmanager.GetSecretValue" or not is_signed:
                    self._say(400, {"__type": "UnrecognizedClientException"})
                elif asked != {"SecretId": NAME, "VersionStage": "AWSCURRENT"}:
                    self._say(400, {"__type": "ResourceNotFoundException"})
                else:
                    secret = {part: (tls / name).read_text() for part, name in PARTS.items()}
                    self._say(200, {"Name": NAME, "SecretString": json.dumps(secret)})

            def _say(self, status: int, body: dict) -> None:
                self.answer(status, json.dumps(body).encode(), {"content-type": "application/x-amz-json-1.1"})

        self.url = f"http://{serve(Api)}"
