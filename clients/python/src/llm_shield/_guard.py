"""Scan, redact where the policy says so, refuse what is blocked: the loop that every integration goes through.

The steps are a generator that asks for calls, so that they are written once for both clients.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar, overload

from ._aio import AsyncShieldClient
from ._answers import Content, RedactResult, ScanResult
from ._client import ShieldClient
from ._enums import Action, Direction, Role

# The schema's own bound on a request.
MAX_CONTENTS = 256

Function = TypeVar("Function", bound=Callable[..., Any])
Steps = Generator[tuple[str, list[Content]], Any, list[str]]


class BlockedError(Exception):
    """The policy says that a text must not pass, or there was no decision and `on_unavailable` is "block".

    `result` is the decision, `direction` the side of the model. The message has no text that was scanned.
    """

    def __init__(self, result: ScanResult | RedactResult, direction: Direction) -> None:
        self.result = result
        self.direction = direction
        where = direction.name.lower()
        if result.unavailable:
            super().__init__(f"{where} blocked: llm-shield gave no decision")
            return
        rules = sorted({finding.rule_id for finding in getattr(result, "findings", ())})
        because = f" ({', '.join(rules)})" if rules else ""
        super().__init__(f"{where} blocked: {result.verdict.name}{because}, audit record {result.audit_record_id}")

    @property
    def reason(self) -> str:
        """`blocked` by policy, or `unavailable`."""
        return "unavailable" if self.result.unavailable else "blocked"


class _Steps:
    def __init__(self, *, policy: str = "", labels: Mapping[str, str] | None = None) -> None:
        self._options: dict[str, Any] = {"policy": policy, "labels": dict(labels or {})}

    def _steps(self, contents: Sequence[str | Content], direction: Direction) -> Steps:
        given = [Content(one) if isinstance(one, str) else one for one in contents]
        texts = [one.text for one in given]
        # An empty text says nothing, and a request of none is refused.
        asked = [index for index, text in enumerate(texts) if text]
        for first in range(0, len(asked), MAX_CONTENTS):
            batch = asked[first : first + MAX_CONTENTS]
            part = [given[index] for index in batch]
            result = yield ("scan", part)
            if result.action is Action.REDACT:
                result = yield ("redact", part)
                if not (result.allowed or result.action is Action.REDACT) or len(result.texts) != len(batch):
                    raise BlockedError(result, direction)
                for index, text in zip(batch, result.texts, strict=True):
                    texts[index] = text
            elif not result.allowed:
                raise BlockedError(result, direction)
        return texts


class Guard(_Steps):
    """Lets texts through as the policy says; for a `ShieldClient`."""

    def __init__(self, client: ShieldClient, *, policy: str = "", labels: Mapping[str, str] | None = None) -> None:
        super().__init__(policy=policy, labels=labels)
        self._client = client

    def check(self, contents: Sequence[str | Content], direction: Direction = Direction.INPUT) -> list[str]:
        """Returns the texts, redacted where the policy says so. Raises BlockedError and ShieldError."""
        steps = self._steps(contents, direction)
        try:
            method, part = next(steps)
            while True:
                result = getattr(self._client, method)(part, direction=direction, **self._options)
                method, part = steps.send(result)
        except StopIteration as ended:
            return list(ended.value)

    def protect(self, *arguments: str, role: Role = Role.USER, output: bool = True) -> Callable[[Function], Function]:
        """Decorates a function: see `shielded`."""
        return functools.partial(_decorate, self, arguments, role, output)


class AsyncGuard(_Steps):
    """Lets texts through as the policy says; for an `AsyncShieldClient`."""

    def __init__(self, client: AsyncShieldClient, *, policy: str = "", labels: Mapping[str, str] | None = None) -> None:
        super().__init__(policy=policy, labels=labels)
        self._client = client

    async def check(self, contents: Sequence[str | Content], direction: Direction = Direction.INPUT) -> list[str]:
        """Returns the texts, redacted where the policy says so. Raises BlockedError and ShieldError."""
        steps = self._steps(contents, direction)
        try:
            method, part = next(steps)
            while True:
                result = await getattr(self._client, method)(part, direction=direction, **self._options)
                method, part = steps.send(result)
        except StopIteration as ended:
            return list(ended.value)

    def protect(self, *arguments: str, role: Role = Role.USER, output: bool = True) -> Callable[[Function], Function]:
        """Decorates a coroutine function: see `shielded`."""
        return functools.partial(_decorate, self, arguments, role, output)


@overload
def guard_of(client: ShieldClient | Guard) -> Guard: ...
@overload
def guard_of(client: AsyncShieldClient | AsyncGuard) -> AsyncGuard: ...
def guard_of(client: Any) -> Any:
    """Returns the guard that belongs to a client, or a guard as it is."""
    if isinstance(client, (Guard, AsyncGuard)):
        return client
    return AsyncGuard(client) if isinstance(client, AsyncShieldClient) else Guard(client)


def shielded(
    client: ShieldClient | AsyncShieldClient | Guard | AsyncGuard,
    *arguments: str,
    role: Role = Role.USER,
    output: bool = True,
) -> Callable[[Function], Function]:
    """Decorates a function that asks a model: arguments go through Scan and Redact, and so does what it returns.

    Without `arguments`, which are names, it is the first. An argument is a text, or a list or tuple of texts, of
    `role`. A coroutine function takes an asynchronous client, any other function a synchronous one. What it returns
    must be a text, or None; with `output=False` it is not looked at. Raises BlockedError where the policy blocks.

        @shielded(shield)
        def ask(prompt: str) -> str:
            return model(prompt)
    """
    return guard_of(client).protect(*arguments, role=role, output=output)


def _decorate(
    guard: Guard | AsyncGuard, arguments: tuple[str, ...], role: Role, output: bool, function: Function
) -> Function:
    signature = inspect.signature(function)
    names = arguments or tuple(signature.parameters)[:1]
    unknown = set(names) - set(signature.parameters)
    if unknown or not names:
        raise TypeError(f"{function.__qualname__} has no argument {', '.join(sorted(unknown)) or 'to look at'}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("a generator cannot be decorated: what it yields is passed on before the whole is known")
    if inspect.iscoroutinefunction(function) is not isinstance(guard, AsyncGuard):
        raise TypeError("a coroutine function takes an AsyncShieldClient, any other function a ShieldClient")

    if isinstance(guard, AsyncGuard):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            bound, places, contents = _bind(signature, names, role, args, kwargs)
            _put(bound, places, await guard.check(contents))
            answer = await function(*bound.args, **bound.kwargs)
            if not output or answer is None:
                return answer
            return (await guard.check([_answer(function, answer)], Direction.OUTPUT))[0]

        return run_async  # type: ignore[return-value]

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        bound, places, contents = _bind(signature, names, role, args, kwargs)
        _put(bound, places, guard.check(contents))
        answer = function(*bound.args, **bound.kwargs)
        if not output or answer is None:
            return answer
        return guard.check([_answer(function, answer)], Direction.OUTPUT)[0]

    return run  # type: ignore[return-value]


Places = list[tuple[str, int | None]]


def _bind(
    signature: inspect.Signature, names: tuple[str, ...], role: Role, args: Any, kwargs: Any
) -> tuple[inspect.BoundArguments, Places, list[Content]]:
    """Finds the texts among the arguments of a call."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    places: Places = []
    contents = []
    for name in names:
        value = bound.arguments[name]
        several = isinstance(value, (list, tuple))
        for index, text in enumerate(value if several else [value]):
            if not isinstance(text, str):
                raise TypeError(f"`{name}` is not a text, or a list or tuple of texts")
            places.append((name, index if several else None))
            contents.append(Content(text, role))
    return bound, places, contents


def _put(bound: inspect.BoundArguments, places: Places, texts: list[str]) -> None:
    for (name, index), text in zip(places, texts, strict=True):
        if index is None:
            bound.arguments[name] = text
            continue
        if index == 0:
            # The caller's own list stays as it is.
            bound.arguments[name] = list(bound.arguments[name])
        bound.arguments[name][index] = text


def _answer(function: Callable[..., Any], answer: Any) -> Content:
    if not isinstance(answer, str):
        raise TypeError(f"{function.__qualname__} returned no text: decorate with output=False")
    return Content(answer, Role.ASSISTANT)
