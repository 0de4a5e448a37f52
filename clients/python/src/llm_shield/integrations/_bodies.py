"""Where the texts are in what OpenAI, Anthropic and Bedrock take and give.

A `Slot` is a place in a JSON document that can be read and replaced; a `Passage` is one text, in one slot or, of a
stream, in several. Pictures, audio and files are not read. Bodies of an unknown form have every string looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .._answers import Content
from .._enums import Role

ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


@dataclass(frozen=True)
class Slot:
    """A string in a document."""

    holder: Any
    key: Any

    @property
    def text(self) -> str:
        """What stands there."""
        return str(self.holder[self.key])

    def put(self, text: str) -> None:
        """Replaces it."""
        self.holder[self.key] = text


@dataclass(frozen=True)
class Passage:
    """A text, and where its parts stand."""

    role: Role
    slots: tuple[Slot, ...]

    @property
    def content(self) -> Content:
        """The whole text."""
        return Content("".join(slot.text for slot in self.slots), self.role)

    def put(self, text: str) -> bool:
        """Replaces the text, and says whether that changed anything."""
        if text == self.content.text:
            return False
        for index, slot in enumerate(self.slots):
            slot.put(text if index == 0 else "")
        return True


def put_all(passages: list[Passage], texts: list[str]) -> bool:
    """Replaces the texts, and says whether that changed anything."""
    # All of them, not only up to the first that changed.
    return any([passage.put(text) for passage, text in zip(passages, texts, strict=True)])


def request_passages(body: Any) -> list[Passage]:
    """Finds what goes to the model."""
    if not isinstance(body, dict):
        return list(strings(body, Role.USER))
    known = [name for name in ("messages", "input", "prompt", "inputText") if name in body]
    if not known:
        return list(strings(body, Role.USER))
    found: list[Passage] = []
    for name in ("system", "instructions"):
        found += content_passages(body, name, Role.SYSTEM)
    for name in known:
        if isinstance(body[name], list) and any(isinstance(one, dict) for one in body[name]):
            for index, message in enumerate(body[name]):
                alone = isinstance(message, str)
                found += [Passage(Role.USER, (Slot(body[name], index),))] if alone else message_passages(message)
        else:
            found += strings({name: body[name]}, Role.USER, holder=body)
    for tool in _list(body.get("tools")) + _list(_dict(body.get("toolConfig")).get("tools")):
        found += [one for one in strings(tool, Role.TOOL) if one.slots[0].key == "description"]
    return found


def response_passages(body: Any) -> list[Passage]:
    """Finds what comes from the model."""
    if not isinstance(body, dict):
        return list(strings(body, Role.ASSISTANT))
    found: list[Passage] = []
    for choice in _list(body.get("choices")):
        found += message_passages(choice.get("message", {}), Role.ASSISTANT) + content_passages(
            choice, "text", Role.ASSISTANT
        )
    output = body.get("output")
    if isinstance(output, dict):
        found += message_passages(output.get("message", {}), Role.ASSISTANT)
    for item in _list(output):
        found += message_passages(item, Role.ASSISTANT)
    if "content" in body:
        found += message_passages(body, Role.ASSISTANT)
    for name in ("completion", "generation", "outputText"):
        found += content_passages(body, name, Role.ASSISTANT)
    for one in _list(body.get("outputs")) + _list(body.get("results")):
        found += content_passages(one, "text", Role.ASSISTANT) + content_passages(one, "outputText", Role.ASSISTANT)
    return found


def stream_passages(events: Iterable[Any]) -> list[Passage]:
    """Finds what comes from the model in the events of a stream, each text put together from its parts."""
    joined: dict[tuple[Any, ...], list[Slot]] = {}
    found: list[Passage] = []
    for event in events:
        if not isinstance(event, dict):
            continue
        for name, slot in _delta_slots(event):
            joined.setdefault(name, []).append(slot)
        if str(event.get("type", "")).endswith((".done", ".completed")):
            found += content_passages(event, "text", Role.ASSISTANT) + content_passages(
                event, "arguments", Role.ASSISTANT
            )
            found += message_passages(event.get("item", {}), Role.ASSISTANT) + _part(
                event.get("part", {}), Role.ASSISTANT
            )
            found += response_passages(event.get("response", {}))
    return [Passage(Role.ASSISTANT, tuple(slots)) for slots in joined.values()] + found


def _delta_slots(event: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Slot]]:
    for choice in _list(event.get("choices")):
        yield from _named(("choice", choice.get("index")), choice, "text")
        delta = _dict(choice.get("delta"))
        yield from _named(("choice", choice.get("index")), delta, "content")
        for call in _list(delta.get("tool_calls")):
            function = _dict(call.get("function"))
            yield from _named(("call", choice.get("index"), call.get("index")), function, "arguments")
    if isinstance(event.get("delta"), str):
        kind = str(event.get("type", ""))
        if kind.startswith("response.") and kind.endswith(".delta") and "audio" not in kind:
            yield (kind, event.get("item_id"), event.get("content_index")), Slot(event, "delta")
    # Anthropic's events, and Bedrock's under `contentBlockDelta`.
    block = _dict(event.get("contentBlockDelta")) or event
    index = block.get("index", block.get("contentBlockIndex"))
    inner = _dict(block.get("delta"))
    yield from _named(("block", index), inner, "text")
    yield from _named(("input", index), inner, "partial_json")
    yield from _named(("input", index), _dict(inner.get("toolUse")), "input")


def _named(name: tuple[Any, ...], holder: dict[str, Any], key: str) -> Iterator[tuple[tuple[Any, ...], Slot]]:
    if isinstance(holder.get(key), str):
        yield (*name, key), Slot(holder, key)


def message_passages(message: Any, otherwise: Role = Role.USER) -> list[Passage]:
    """Finds the texts of a message, or of an item of OpenAI's Responses."""
    if not isinstance(message, dict):
        return []
    role = ROLES.get(str(message.get("role")), otherwise)
    kind = str(message.get("type", ""))
    found = content_passages(message, "content", role)
    if kind.endswith("_call_output"):
        found += content_passages(message, "output", Role.TOOL)
    if kind.endswith("_call"):
        found += content_passages(message, "arguments", Role.ASSISTANT) + content_passages(
            message, "input", Role.ASSISTANT
        )
    if not message.get("role") and not kind:
        found += content_passages(message, "text", role)
    for call in _list(message.get("tool_calls")):
        for name, key in (("function", "arguments"), ("custom", "input")):
            found += content_passages(_dict(call.get(name)), key, Role.ASSISTANT)
    found += content_passages(message, "refusal", role)
    return found


def content_passages(holder: dict[str, Any], key: str, role: Role) -> list[Passage]:
    """Finds the texts under a key that holds a string, or a list of strings and parts."""
    value = holder.get(key)
    if isinstance(value, str):
        return [Passage(role, (Slot(holder, key),))]
    found: list[Passage] = []
    for index, part in enumerate(_list(value)):
        found += [Passage(role, (Slot(value, index),))] if isinstance(part, str) else _part(part, role)
    return found


def _part(part: Any, role: Role) -> list[Passage]:
    """Finds the texts of a part of a message."""
    if not isinstance(part, dict):
        return []
    found = content_passages(part, "text", role) + content_passages(part, "refusal", role)
    readers: dict[str, Callable[[Any], list[Passage]]] = {
        "toolResult": lambda result: list(strings(result.get("content"), Role.TOOL)),
        "toolUse": lambda use: list(strings(use.get("input"), Role.ASSISTANT)),
        "document": lambda document: content_passages(_dict(document.get("source")), "text", Role.DOCUMENT),
    }
    for name, read in readers.items():
        if isinstance(part.get(name), dict):
            found += read(part[name])
    kind = part.get("type")
    if kind == "tool_result":
        found += content_passages(part, "content", Role.TOOL)
    if kind == "tool_use":
        found += list(strings(part.get("input"), Role.ASSISTANT))
    if kind == "document":
        source = _dict(part.get("source"))
        found += content_passages(source, "data", Role.DOCUMENT) if source.get("type") == "text" else []
        found += content_passages(source, "content", Role.DOCUMENT)
    if kind == "search_result":
        found += content_passages(part, "content", Role.DOCUMENT)
    return found


def strings(value: Any, role: Role, holder: Any = None) -> Iterator[Passage]:
    """Finds every string of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        if isinstance(one, str):
            yield Passage(role, (Slot(value if holder is None else holder, key),))
        else:
            yield from strings(one, role)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
