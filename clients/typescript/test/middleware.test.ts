import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { status } from "@grpc/grpc-js";
import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import { generateText, simulateReadableStream, streamText, wrapLanguageModel } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import express from "express";
import { BlockedError, type RedactRequest } from "llm-shield";
import { shieldMiddleware } from "llm-shield/ai-sdk";
import { type ExpressOptions, shield } from "llm-shield/express";
import { clientOf, redactSecrets, type Script } from "./server.js";

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};
const STOP = { unified: "stop", raw: undefined } as const;

/** An application that answers with the texts it was sent, and with one of its own. */
async function application(t: TestContext, script: Script, options?: ExpressOptions) {
  const app = express();
  app.use(express.json(), shield(await clientOf(t, script), options));
  app.post("/chat", (request, response) => {
    response.json({ heard: request.body as unknown, answer: request.query["answer"], at: new Date(0) });
  });
  app.use(((error: Error, _request, response, _next) => {
    response.status(500).json({ failed: error.name });
  }) as express.ErrorRequestHandler);
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return async (body: unknown, answer = "") => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/chat?answer=${encodeURIComponent(answer)}`;
    const headers = { "content-type": "application/json", connection: "close" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
}

test("express: bodies and answers are redacted", async (t) => {
  const requests: RedactRequest[] = [];
  const ask = await application(t, { redact: (call) => (requests.push(call.request), redactSecrets(call)) }, { policy: "strict", labels: { app: "a" } });
  const body = { model: "m", n: 1, messages: [{ role: "system", content: "be kind" }, { role: "user", content: [{ type: "text", text: "a secret" }] }] };
  const { status: code, body: answered } = await ask(body, "our secret");
  assert.equal(code, 200);
  assert.deepEqual(answered["heard"], JSON.parse(JSON.stringify(body).replace("secret", "[S]")));
  assert.equal(answered["answer"], "our [S]");
  assert.equal(answered["at"], "1970-01-01T00:00:00.000Z");
  const [input, output] = requests;
  assert.deepEqual([input!.direction, input!.policy, input!.labels], ["DIRECTION_INPUT", "strict", { app: "a" }]);
  assert.equal(output!.direction, "DIRECTION_OUTPUT");
  // A body cannot make itself trusted, and every string in it is looked at.
  assert.deepEqual(
    input!.contents.map(({ text, role }) => `${role} ${text}`),
    ["ROLE_USER m", "ROLE_USER system", "ROLE_USER be kind", "ROLE_USER user", "ROLE_USER text", "ROLE_USER a secret"],
  );
});

test("express: what is blocked does not get through, either way", async (t) => {
  const ask = await application(t, { redact: redactSecrets });
  const blocked = await ask({ prompt: "an attack" });
  assert.equal(blocked.status, 403);
  assert.deepEqual(blocked.body["error"], {
    code: "blocked",
    message: "the text is blocked by policy",
    verdict: "VERDICT_UNSPECIFIED",
    detectors: ["injection"],
    audit_record_id: "record-1",
    request_id: "request-1",
  });
  assert.equal((await ask({ prompt: "fine" }, "an attack")).status, 403);
});

test("express: nothing passes without a decision", async (t) => {
  const away = await application(t, { redact: () => ({ code: status.UNAVAILABLE, details: "away" }) });
  const { status: code, body } = await away({ prompt: "fine" });
  assert.equal(code, 503);
  assert.equal((body["error"] as { code: string }).code, "unavailable");
  const denied = await application(t, { redact: () => ({ code: status.PERMISSION_DENIED, details: "no" }) }, { output: false });
  assert.deepEqual(await denied({ prompt: "fine" }), { status: 500, body: { failed: "ShieldError" } });
});

test("express: large bodies are asked about in parts", async (t) => {
  const sizes: number[] = [];
  const ask = await application(t, { redact: (call) => (sizes.push(call.request.contents.length), redactSecrets(call)) }, { output: false });
  const { body } = await ask({ documents: Array.from({ length: 600 }, (_, index) => `secret ${index}`) });
  assert.deepEqual(sizes, [256, 256, 88]);
  assert.equal((body["heard"] as { documents: string[] }).documents[599], "[S] 599");
});

async function model(t: TestContext, script: Script, answer: string, pieces: LanguageModelV3StreamPart[] = []) {
  const base = new MockLanguageModelV3({
    doGenerate: { content: [{ type: "text", text: answer }], finishReason: STOP, usage: USAGE, warnings: [] },
    doStream: { stream: simulateReadableStream({ chunks: pieces }) },
  });
  return { base, model: wrapLanguageModel({ model: base, middleware: shieldMiddleware(await clientOf(t, script)) }) };
}

test("AI SDK: prompts and answers are redacted", async (t) => {
  const requests: RedactRequest[] = [];
  const script = { redact: (call: Parameters<typeof redactSecrets>[0]) => (requests.push(call.request), redactSecrets(call)) };
  const wrapped = await model(t, script, "the secret is out");
  const { text } = await generateText({ model: wrapped.model, system: "be kind", prompt: "a secret" });
  assert.equal(text, "the [S] is out");
  assert.match(JSON.stringify(wrapped.base.doGenerateCalls[0]!.prompt), /a \[S\]/);
  assert.deepEqual(
    requests.map(({ direction, contents }) => [direction, contents.map(({ role }) => role)]),
    [["DIRECTION_INPUT", ["ROLE_SYSTEM", "ROLE_USER"]], ["DIRECTION_OUTPUT", ["ROLE_ASSISTANT"]]],
  );
});

test("AI SDK: a blocked prompt does not reach the model", async (t) => {
  const { base, model: wrapped } = await model(t, { redact: redactSecrets }, "fine");
  await assert.rejects(generateText({ model: wrapped, prompt: "an attack", maxRetries: 0 }), BlockedError);
  assert.equal(base.doGenerateCalls.length, 0);
});

test("AI SDK: a stream shows no more than is allowed", async (t) => {
  const text = (...deltas: string[]): LanguageModelV3StreamPart[] => [
    { type: "text-start", id: "1" },
    ...deltas.map((delta) => ({ type: "text-delta", id: "1", delta }) as const),
    { type: "text-end", id: "1" },
    { type: "finish", finishReason: STOP, usage: USAGE },
  ];
  const kind = await model(t, { redact: redactSecrets }, "", text("a sec", "ret, and more"));
  let shown = "";
  for await (const piece of streamText({ model: kind.model, prompt: "fine" }).textStream) shown += piece;
  assert.equal(shown, "a [S], and more");
  const evil = await model(t, { redact: redactSecrets }, "", text("an att", "ack"));
  shown = "";
  const errors: unknown[] = [];
  const result = streamText({ model: evil.model, prompt: "fine", onError: ({ error }) => void errors.push(error) });
  for await (const piece of result.textStream) shown += piece;
  assert.equal(shown, "");
  assert.ok(errors[0] instanceof BlockedError);
});
