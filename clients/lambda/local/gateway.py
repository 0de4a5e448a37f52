"""API Gateway with proxy integrations: a REST API, or an HTTP API (payload format 2.0)."""

from __future__ import annotations

import base64
import json
import re
import uuid
from urllib.parse import parse_qsl, unquote, urlsplit

from function import Function
from web import Handler, serve

# The routes of `terraform/modules/edge`: its own paths, and those at which the providers' own programs look.
ROUTES = [
    (re.compile(r"/v1/output"), "output_filter"),
    (re.compile(r"/v1/(chat|chat/completions|responses|messages)"), "input_filter"),
    (re.compile(r"/model/(?P<modelId>[^/]+)/(converse|invoke)(-stream|-with-response-stream)?"), "input_filter"),
]
STAGE = "live"


class Gateway:
    """An API."""

    def __init__(self, kind: str, functions: dict[str, Function]) -> None:
        event_of = {"rest": rest_event, "http": http_event}[kind]

        class Api(Handler):
            """Makes events of requests and responses of answers."""

            def do_POST(self) -> None:  # noqa: N802 (the name is the standard library's)
                """Calls the function of the route."""
                body = self.read()
                path = urlsplit(self.path).path
                for pattern, name in ROUTES:
                    if match := pattern.fullmatch(path):
                        parameters = {key: unquote(value) for key, value in match.groupdict().items()}
                        self._give(functions[name].invoke(event_of(self, path, parameters, body)))
                        return
                self.answer(403, b'{"message":"Missing Authentication Token"}', {"content-type": "application/json"})

            def _give(self, answer: dict) -> None:
                body = answer.get("body") or ""
                data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
                self.answer(int(answer["statusCode"]), data, answer.get("headers"))

        self.url = f"http://{serve(Api)}"


def text_of(body: bytes) -> tuple[str, bool]:
    """Returns a body as text, in base64 where it is none."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def rest_event(request: Handler, path: str, parameters: dict, body: bytes) -> dict:
    """Returns the event of a REST API."""
    text, is_base64 = text_of(body)
    query = dict(parse_qsl(urlsplit(request.path).query))
    return {
        "resource": path, "path": path, "httpMethod": request.command,
        "headers": dict(request.headers.items()),
        "multiValueHeaders": {name: request.headers.get_all(name) for name in request.headers},
        "queryStringParameters": query or None, "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None, "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "stage": STAGE, "protocol": "HTTP/1.1", "path": f"/{STAGE}{path}",
            "httpMethod": request.command, "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": request.client_address[0], "userAgent": request.headers.get("user-agent")},
        },
        "body": text or None, "isBase64Encoded": is_base64,
    }


def http_event(request: Handler, path: str, parameters: dict, body: bytes) -> dict:
    """Returns the event of an HTTP API."""
    text, is_base64 = text_of(body)
    event = {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": urlsplit(request.path).query,
        "headers": {name.lower(): ",".join(request.headers.get_all(name)) for name in request.headers},
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "stage": "$default", "requestId": str(uuid.uuid4()),
            "http": {"method": request.command, "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": request.client_address[0], "userAgent": request.headers.get("user-agent")},
        },
        "isBase64Encoded": is_base64,
    }
    return event | ({"body": text} if text else {}) | ({"pathParameters": parameters} if parameters else {})


if __name__ == "__main__":
    print(json.dumps([pattern.pattern for pattern, _ in ROUTES]))
