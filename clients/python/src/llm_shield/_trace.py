"""W3C trace context and the other metadata of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

try:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    _propagator: Any = TraceContextTextMapPropagator()
except ImportError:
    _propagator = None

# https://www.w3.org/TR/trace-context/#traceparent-header: an id of zeros is none.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
NAMES = ("traceparent", "tracestate")


def call_metadata(given: Mapping[str, str] | None, request_id: str | None) -> tuple[tuple[str, str], ...]:
    """Returns a call's metadata: the given trace context, or that of the current span.

    Raises ValueError when the given `traceparent` is none.
    """
    context: dict[str, str] = {}
    if given is not None:
        context = {name.lower(): value for name, value in given.items()}
        if not TRACEPARENT.fullmatch(context.get("traceparent", "")):
            raise ValueError("trace_context has no valid `traceparent`")
    elif _propagator is not None:
        _propagator.inject(context)
    metadata = [(name, context[name]) for name in NAMES if context.get(name)]
    if request_id:
        metadata.append(("x-request-id", request_id))
    return tuple(metadata)
