"""llm-shield as steps of a LangChain chain.

    chain = prompt | shield_input(client) | model | shield_output(client)
    chain = prompt | shielded(model, client)          # the same
    chain = retriever | shield_documents(client)      # documents that the policy blocks are left out

A step takes texts, prompts, messages and lists of messages, and gives the same, redacted where the policy says so. What
is blocked raises `BlockedError`. With a `ShieldClient` the steps work in both ways, `ainvoke` in a thread; with an
`AsyncShieldClient` by `ainvoke` alone. A streamed answer is held until it is whole: it cannot be judged sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import ChatPromptValue, PromptValue, StringPromptValue
from langchain_core.runnables import Runnable, RunnableLambda

from .._aio import AsyncShieldClient
from .._answers import Content
from .._client import ShieldClient
from .._enums import Direction, Role
from .._guard import AsyncGuard, BlockedError, Guard, guard_of
from ._bodies import Passage, Slot, content_passages, message_passages, put_all, strings

Shield = ShieldClient | AsyncShieldClient | Guard | AsyncGuard

ROLES = {
    "human": Role.USER,
    "system": Role.SYSTEM,
    "ai": Role.ASSISTANT,
    "AIMessageChunk": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def shield_input(client: Shield) -> Runnable[Any, Any]:
    """Returns the step before a model."""
    return _step(client, Direction.INPUT)


def shield_output(client: Shield) -> Runnable[Any, Any]:
    """Returns the step behind a model."""
    return _step(client, Direction.OUTPUT)


def shielded(model: Runnable[Any, Any], client: Shield) -> Runnable[Any, Any]:
    """Returns a model, or a whole chain, between the two steps."""
    return shield_input(client) | model | shield_output(client)


def shield_documents(client: Shield, *, on_blocked: Literal["drop", "raise"] = "drop") -> Runnable[Any, Any]:
    """Returns the step behind a retriever: each document is decided on by itself."""
    guard = guard_of(client)

    def kept(document: Document, texts: list[str]) -> Document:
        return document.model_copy(update={"page_content": texts[0]})

    def content(document: Document) -> list[Content]:
        return [Content(document.page_content, Role.DOCUMENT)]

    if isinstance(guard, AsyncGuard):

        async def run_async(documents: Sequence[Document]) -> list[Document]:
            passed = []
            for document in documents:
                try:
                    passed.append(kept(document, await guard.check(content(document))))
                except BlockedError:
                    if on_blocked == "raise":
                        raise
            return passed

        return RunnableLambda(run_async, name="shield_documents")

    def run(documents: Sequence[Document]) -> list[Document]:
        passed = []
        for document in documents:
            try:
                passed.append(kept(document, guard.check(content(document))))
            except BlockedError:
                if on_blocked == "raise":
                    raise
        return passed

    return RunnableLambda(run, name="shield_documents")


def _step(client: Shield, direction: Direction) -> Runnable[Any, Any]:
    guard = guard_of(client)
    name = f"shield_{direction.name.lower()}"
    if isinstance(guard, AsyncGuard):

        async def run_async(value: Any) -> Any:
            copied = _Copy(value, direction)
            return copied.with_texts(await guard.check(copied.contents, direction))

        return RunnableLambda(run_async, name=name)

    def run(value: Any) -> Any:
        copied = _Copy(value, direction)
        return copied.with_texts(guard.check(copied.contents, direction))

    return RunnableLambda(run, name=name)


class _Copy:
    """A copy of a value, and where the texts are in it."""

    def __init__(self, value: Any, direction: Direction) -> None:
        role = Role.USER if direction is Direction.INPUT else Role.ASSISTANT
        self._passages: list[Passage] = []
        # A place for values that are texts themselves.
        self._holder = {"value": value}
        if isinstance(value, str):
            self._passages = [Passage(role, (Slot(self._holder, "value"),))]
        elif isinstance(value, StringPromptValue):
            self._holder["value"] = copied = value.model_copy()
            self._passages = [Passage(role, (Slot(copied.__dict__, "text"),))]
        elif isinstance(value, PromptValue):
            self._holder["value"] = ChatPromptValue(messages=self._messages(value.to_messages()))
        elif isinstance(value, BaseMessage):
            self._holder["value"] = self._messages([value])[0]
        elif isinstance(value, (list, tuple)) and all(isinstance(one, BaseMessage) for one in value):
            self._holder["value"] = self._messages(value)
        else:
            raise TypeError(f"a {type(value).__name__} is no text, prompt or message")
        self.contents = [passage.content for passage in self._passages]

    def with_texts(self, texts: list[str]) -> Any:
        """Returns the copy with these texts in their places."""
        put_all(self._passages, texts)
        return self._holder["value"]

    def _messages(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        copies = [message.model_copy(deep=True) for message in messages]
        for message in copies:
            role = ROLES.get(message.type, Role.USER)
            self._passages += content_passages(message.__dict__, "content", role)
            for call in getattr(message, "tool_calls", []):
                self._passages += strings(call["args"], role)
            # What the provider's own form repeats.
            self._passages += message_passages(message.additional_kwargs, role)
        return copies
