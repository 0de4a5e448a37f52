#!/usr/bin/env python3
"""What AWS has around the filters, on the loopback interface: API Gateway, Lambda's runtime API, Secrets Manager, a model.

The functions are the real programs, and so is the service that they ask. Needs Python's standard library only.
`scripts/deploy.sh --local` builds the programs and runs this.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from function import Function
from gateway import Gateway
from model import Model
from secret_store import SecretStore
from service import Service

FUNCTIONS = ["input_filter", "output_filter"]
EVENT = {
    "httpMethod": "POST", "path": "/v1/chat", "headers": {"content-type": "application/json"},
    "requestContext": {"requestId": "cold-start"},
    "body": json.dumps({"model": "m", "messages": [{"role": "user", "content": "What is a good soup?"}]}),
}
OUTPUT_EVENT = EVENT | {"path": "/v1/output", "body": json.dumps({"choices": [{"text": "Onion soup."}]})}


def settings(service: Service | None, model: Model) -> dict:
    """Returns the functions' environment. What the caller has set stays."""
    environment = {
        "LLM_SHIELD_MODEL": "http", "LLM_SHIELD_MODEL_URL": model.url + "/",
        "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.url,
        # For the signature alone: the model here takes any.
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
    }
    if service is not None:
        environment |= {
            "LLM_SHIELD_ENDPOINT": service.address, "LLM_SHIELD_TLS_DIR": str(service.tls),
            "LLM_SHIELD_SERVER_NAME": "localhost",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": SecretStore(service.tls).url,
        }
    environment |= {name: value for name, value in os.environ.items() if name != "LLM_SHIELD_BIN"}
    return environment


def cold_starts(programs: dict[str, Path], environment: dict, runs: int) -> None:
    """Prints how long a fresh process takes until it waits for events, and until it has answered its first."""
    print(f"| function | size | init, median of {runs} | first answer, median | longest |\n| --- | --- | --- | --- | --- |")
    for name, path in programs.items():
        event = EVENT if name == "input_filter" else OUTPUT_EVENT
        inits, answers = [], []
        for _ in range(runs):
            function = Function(name, path, environment | {"LLM_SHIELD_MODEL": "none"})
            answer = function.invoke(event)
            if answer.get("statusCode") != 200:
                sys.exit(f"{name} answered {answer}")
            inits.append(function.init_seconds)
            answers.append(function.first_answer_seconds)
            function.stop()
        milliseconds = [f"{1000 * value:.0f} ms" for value in
                        (statistics.median(inits), statistics.median(answers), max(answers))]
        print(f"| `{name}` | {path.stat().st_size / 1e6:.1f} MB | {' | '.join(milliseconds)} |")


def serve(functions: dict[str, Function], model: Model, service: Service | None, until_eof: bool) -> None:
    """Runs both kinds of API until it is told to stop."""
    gateways = {kind: Gateway(kind, functions) for kind in ("rest", "http")}
    ready = {kind: gateway.url for kind, gateway in gateways.items()} | {"model": model.url}
    if service is not None:
        ready |= {"service": service.address, "data_dir": str(service.data)}
    print(json.dumps({"event": "ready"} | ready), flush=True)
    print(f"\nAPI Gateway (REST): {ready['rest']}\nAPI Gateway (HTTP): {ready['http']}\n"
          f"try: curl {ready['rest']}/v1/chat -d '{EVENT['body']}'\nCtrl-C ends it.", file=sys.stderr, flush=True)
    if until_eof:
        sys.stdin.read()
    else:
        threading.Event().wait()


def main() -> None:
    """Runs the emulation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=Path, required=True, help="where the functions' programs are")
    parser.add_argument("--server", type=Path, help="the service's program; without it LLM_SHIELD_ENDPOINT is asked")
    parser.add_argument("--cold-start", type=int, metavar="N", help="measure N cold starts of each function, and end")
    parser.add_argument("--until-eof", action="store_true", help="end when the standard input does")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    directory = Path(tempfile.mkdtemp(prefix="llm-shield-local-"))
    service, functions = None, {}
    try:
        if arguments.server is not None:
            service = Service(arguments.server.resolve(), directory)
        model = Model()
        environment = settings(service, model)
        programs = {name: (arguments.bin_dir / name).resolve() for name in FUNCTIONS}
        if arguments.cold_start:
            cold_starts(programs, environment, arguments.cold_start)
            return
        for name, path in programs.items():
            functions[name] = Function(name, path, environment)
        serve(functions, model, service, arguments.until_eof)
    finally:
        for function in functions.values():
            function.stop()
        if service is not None:
            service.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
