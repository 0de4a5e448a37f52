/**
 * Middleware for the language models of Vercel's AI SDK: prompts and answers are redacted, and those that are blocked
 * throw a {@link BlockedError}.
 *
 * ```ts
 * const model = wrapLanguageModel({ model: openai("gpt-5"), middleware: shieldMiddleware(client) });
 * ```
 *
 * @packageDocumentation
 */
import type { LanguageModelV3Content, LanguageModelV3Middleware, LanguageModelV3Prompt, LanguageModelV3StreamPart } from "@ai-sdk/provider";
import type { ShieldClient } from "./client.js";
import { guard, type GuardOptions, type Slot } from "./guard.js";
import { slotsIn } from "./json.js";
import { Direction, Role } from "./messages.js";

export { BlockedError } from "./guard.js";

const ROLES = { system: Role.SYSTEM, user: Role.USER, assistant: Role.ASSISTANT, tool: Role.TOOL } as const;

/**
 * Makes the middleware. Of a stream, each text, reasoning and tool input is held back until it is complete, so that
 * nothing is shown that the decision on the whole is against.
 */
export function shieldMiddleware(client: ShieldClient, options: GuardOptions = {}): LanguageModelV3Middleware {
  return {
    specificationVersion: "v3",
    async transformParams({ params }) {
      const prompt = structuredClone(params.prompt);
      await guard(client, Direction.INPUT, promptSlots(prompt), options);
      return { ...params, prompt };
    },
    async wrapGenerate({ doGenerate }) {
      const result = await doGenerate();
      const content = structuredClone(result.content);
      await guard(client, Direction.OUTPUT, content.flatMap(contentSlots), options);
      return { ...result, content };
    },
    async wrapStream({ doStream }) {
      const { stream, ...rest } = await doStream();
      return { ...rest, stream: stream.pipeThrough(held(client, options)) };
    },
  };
}

function promptSlots(prompt: LanguageModelV3Prompt): Slot[] {
  return prompt.flatMap((message) => {
    const role = ROLES[message.role];
    if (message.role === "system") return slotsIn(message as never, "content", role);
    return message.content.flatMap((part) => {
      switch (part.type) {
        case "text":
        case "reasoning":
          return slotsIn(part as never, "text", role);
        case "tool-call":
          return slotsIn(part as never, "input", Role.TOOL);
        case "tool-result":
          return slotsIn(part.output as never, "value", Role.TOOL);
        case "tool-approval-response":
          return slotsIn(part as never, "reason", role);
        case "file":
          // Images and the like; what is text there came with the application's own hands.
          return typeof part.data === "string" && part.mediaType.startsWith("text/") ? encodedSlot(part as { data: string }) : [];
      }
    });
  });
}

/** A text in Base64. */
function encodedSlot(part: { data: string }): Slot[] {
  const text = Buffer.from(part.data, "base64").toString("utf8");
  return [{ text, role: Role.DOCUMENT, replace: (redacted) => (part.data = Buffer.from(redacted).toString("base64")) }];
}

function contentSlots(content: LanguageModelV3Content): Slot[] {
  switch (content.type) {
    case "text":
    case "reasoning":
      return slotsIn(content as never, "text", Role.ASSISTANT);
    case "tool-call":
      return slotsIn(content as never, "input", Role.TOOL);
    case "tool-result":
      return slotsIn(content as never, "result", Role.TOOL);
    default:
      return [];
  }
}

type Part = LanguageModelV3StreamPart;

/**
 * Holds the pieces of each part back until its end, and passes the part on as one piece. What is blocked ends the stream
 * with an error, as the SDK expects it of a model.
 */
function held(client: ShieldClient, options: GuardOptions): TransformStream<Part, Part> {
  const open = new Map<string, Extract<Part, { delta: string }>>();
  const look = (slots: Slot[]) => guard(client, Direction.OUTPUT, slots, options);
  /** Returns what may be shown now. */
  const next = async (part: Part): Promise<Part[]> => {
    switch (part.type) {
      case "text-delta":
      case "reasoning-delta":
      case "tool-input-delta": {
        const before = open.get(part.id);
        open.set(part.id, before === undefined ? part : { ...before, delta: before.delta + part.delta });
        return [];
      }
      case "text-end":
      case "reasoning-end":
      case "tool-input-end": {
        const whole = open.get(part.id);
        open.delete(part.id);
        if (whole === undefined) return [part];
        await look(slotsIn(whole as never, "delta", part.type === "tool-input-end" ? Role.TOOL : Role.ASSISTANT));
        return [whole, part];
      }
      case "tool-call":
      case "tool-result":
        await look(contentSlots(part));
        return [part];
      case "raw":
        // The provider's own chunks have what is held back here.
        return [];
      default:
        return [part];
    }
  };
  return new TransformStream({
    async transform(part, controller) {
      try {
        for (const shown of await next(part)) controller.enqueue(shown);
      } catch (error) {
        controller.enqueue({ type: "error", error });
        controller.terminate();
      }
    },
  });
}
