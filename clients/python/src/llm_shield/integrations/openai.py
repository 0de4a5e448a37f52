"""Middleware for OpenAI's client, and those of providers with the same API.

    from openai import OpenAI
    from llm_shield.integrations.openai import shield

    client = shield(OpenAI(), shield_client)

Chat Completions, Responses, Completions and Embeddings: what goes to the model is scanned, and redacted where the
policy says so; so is what comes back. What is blocked is an `openai.PermissionDeniedError` whose `body` has `type`
(`llm_shield_blocked`, or `llm_shield_unavailable` when there was no decision), `message` and `audit_record_id`. A
streamed answer arrives when it is whole and was let through. Pictures, audio and files are not read.
"""

from __future__ import annotations

from typing import Any, TypeVar

from .._aio import AsyncShieldClient
from .._client import ShieldClient
from .._guard import AsyncGuard, Guard, guard_of
from ._http import shielded_client

Client = TypeVar("Client")


def shield(
    client: Client, through: ShieldClient | AsyncShieldClient | Guard | AsyncGuard, *, transport: Any = None
) -> Client:
    """Returns a copy of the client whose requests and answers go through the shield.

    `OpenAI` takes a `ShieldClient`, `AsyncOpenAI` an `AsyncShieldClient`; a `Guard` adds a policy or labels.
    `transport` is the HTTP transport below; give it where the client has one of its own, such as a proxy's: it is not
    taken over.
    """
    guarded: Client = shielded_client(client, guard_of(through), transport)
    return guarded
