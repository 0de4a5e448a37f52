"""A function: its process, and Lambda's runtime API (2018-06-01) for it."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
import uuid
from pathlib import Path

from web import Handler, serve

LIMIT_SECONDS = 120
VERSION = "/2018-06-01/runtime"


class Function:
    """One instance, as Lambda has it: one event at a time."""

    def __init__(self, name: str, path: Path, environment: dict) -> None:
        self.init_seconds = 0.0
        self.first_answer_seconds = 0.0
        self._events: queue.Queue = queue.Queue()
        self._answers: queue.Queue = queue.Queue()
        self._turn = threading.Lock()
        self._name = name
        runtime_api = serve(self._handler())
        environment = environment | {
            "AWS_LAMBDA_RUNTIME_API": runtime_api, "AWS_LAMBDA_FUNCTION_NAME": f"llm-shield-{name.replace('_', '-')}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "local", "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        }
        self._start = time.monotonic()
        self._process = subprocess.Popen([path], env=environment, stdin=subprocess.DEVNULL)

    def invoke(self, event: dict) -> dict:
        """Has an event handled."""
        with self._turn:
            self._events.put(event)
            end = time.monotonic() + LIMIT_SECONDS
            while True:
                try:
                    return self._answers.get(timeout=0.2)
                except queue.Empty:
                    if self._process.poll() is not None or time.monotonic() > end:
                        # What API Gateway says of a function that fails.
                        return {"statusCode": 502, "body": json.dumps({"message": "Internal server error"})}

    def stop(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()

    def _handler(self) -> type[Handler]:
        function = self

        class RuntimeApi(Handler):
            """What the process polls and answers to."""

            def do_GET(self) -> None:  # noqa: N802 (the name is the standard library's)
                """`/invocation/next`"""
                function.init_seconds = function.init_seconds or time.monotonic() - function._start
                event = function._events.get()
                deadline = int((time.time() + LIMIT_SECONDS) * 1000)
                self.answer(200, json.dumps(event).encode(), {
                    "content-type": "application/json", "lambda-runtime-aws-request-id": str(uuid.uuid4()),
                    "lambda-runtime-deadline-ms": str(deadline),
                    "lambda-runtime-invoked-function-arn":
                        f"arn:aws:lambda:eu-central-1:000000000000:function:llm-shield-{function._name}",
                })

            def do_POST(self) -> None:  # noqa: N802
                """`/invocation/ID/response`, `/invocation/ID/error` and `/init/error`"""
                body = self.read()
                if self.path.endswith("/response"):
                    elapsed = time.monotonic() - function._start
                    function.first_answer_seconds = function.first_answer_seconds or elapsed
                    function._answers.put(json.loads(body))
                elif self.path.startswith(f"{VERSION}/invocation/"):
                    function._answers.put({"statusCode": 502, "body": '{"message": "Internal server error"}'})
                self.answer(202, b"")

        return RuntimeApi
