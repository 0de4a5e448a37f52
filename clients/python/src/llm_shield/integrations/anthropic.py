"""Middleware for Anthropic's client.

    from anthropic import Anthropic
    from llm_shield.integrations.anthropic import shield

    client = shield(Anthropic(), shield_client)

As `llm_shield.integrations.openai`, for Messages; what is blocked is an `anthropic.PermissionDeniedError` whose
`body["error"]` says why. The model's thinking is signed: it is neither read nor changed.
"""

from .openai import shield

__all__ = ["shield"]
