"""llm-shield in LlamaIndex: retrieved nodes, and the question and answer of a query engine.

    engine = index.as_query_engine(node_postprocessors=[ShieldNodePostprocessor(client=client)])
    engine = ShieldQueryEngine(engine=engine, client=client)

Both take a `ShieldClient`, or a `Guard` with a policy or labels; asynchronous queries call it in a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.bridge.pydantic import Field
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from .._answers import Content
from .._enums import Direction, Role
from .._guard import BlockedError, guard_of


class ShieldNodePostprocessor(BaseNodePostprocessor):
    """Leaves out the nodes that the policy blocks, and redacts the others; each node is decided on by itself."""

    client: Any = Field(description="a ShieldClient or a Guard", exclude=True)
    on_blocked: Literal["drop", "raise"] = Field(default="drop", description="what becomes of a blocked node")

    @classmethod
    def class_name(cls) -> str:
        """Returns the name under which it is written down."""
        return "ShieldNodePostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        guard = guard_of(self.client)
        passed = []
        for scored in nodes:
            text = scored.node.get_content(metadata_mode=MetadataMode.NONE)
            try:
                (safe,) = guard.check([Content(text, Role.DOCUMENT)])
            except BlockedError:
                if self.on_blocked == "raise":
                    raise
                continue
            if safe != text:
                # The index keeps its own.
                scored = NodeWithScore(node=scored.node.model_copy(deep=True), score=scored.score)
                scored.node.set_content(safe)
            passed.append(scored)
        return passed


class ShieldQueryEngine(CustomQueryEngine):
    """Scans and redacts the question and the answer. Raises BlockedError. A streamed answer is held until it is
    whole."""

    engine: BaseQueryEngine
    client: Any = Field(description="a ShieldClient or a Guard", exclude=True)

    def custom_query(self, query_str: str) -> RESPONSE_TYPE:
        """Answers a question."""
        guard = guard_of(self.client)
        (question,) = guard.check([query_str])
        return self._checked(self.engine.query(question))

    async def acustom_query(self, query_str: str) -> RESPONSE_TYPE:
        """Answers a question, without blocking the event loop."""
        guard = guard_of(self.client)
        (question,) = await asyncio.to_thread(guard.check, [query_str])
        answer = await self.engine.aquery(question)
        if hasattr(answer, "aget_response"):
            answer = await answer.aget_response()
        return await asyncio.to_thread(self._checked, answer)

    def _checked(self, answer: RESPONSE_TYPE) -> RESPONSE_TYPE:
        whole: Any = answer.get_response() if hasattr(answer, "get_response") else answer
        (text,) = guard_of(self.client).check([Content(str(whole), Role.ASSISTANT)], Direction.OUTPUT)
        return Response(response=text, source_nodes=whole.source_nodes, metadata=whole.metadata)
