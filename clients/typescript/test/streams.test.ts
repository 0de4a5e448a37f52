import assert from "node:assert/strict";
import { test } from "node:test";
import { Action, type Finding, ShieldError, slice, sliceFinding, type Span } from "llm-shield";
import { clientOf } from "./server.js";

test("a text streams in pieces", async (t) => {
  const client = await clientOf(t, {});
  const rocket = Buffer.from("🚀");
  let released = 0;
  let action: Action | undefined;
  for await (const { message } of client.scanStream(["ab", "", rocket.subarray(0, 2), rocket.subarray(2), "x".repeat(3 << 20)])) {
    if (message?.$case === "releasedBytes") released = message.value;
    if (message?.$case === "summary") action = message.value.action;
  }
  assert.equal(released, 6 + (3 << 20));
  assert.equal(action, Action.ALLOW);
});

test("a stream of text is not retried, and its error is thrown", async (t) => {
  const client = await clientOf(t, {}, { onUnavailable: "allow" });
  await assert.rejects(
    async () => {
      for await (const answer of client.scanStream(["a"], { policy: "away" })) assert.fail(JSON.stringify(answer));
    },
    (error) => error instanceof ShieldError && error.code === "UNAVAILABLE" && error.requestId !== "",
  );
});

test("a text that fails ends the stream", async (t) => {
  const client = await clientOf(t, {});
  async function* broken() {
    yield "a";
    throw new Error("the model broke off");
  }
  await assert.rejects(async () => {
    for await (const answer of client.scanStream(broken())) void answer;
  }, /CANCELLED|Cancelled/i);
});

test("a stream ends with its loop", async (t) => {
  const ended = resolvers();
  const client = await clientOf(t, {
    audit: (call) => {
      call.on("cancelled", () => ended.resolve(undefined));
      call.write({ record: undefined, nextPageToken: "1" });
    },
  });
  for await (const answer of client.audit()) {
    assert.equal(answer.nextPageToken, "1");
    break;
  }
  await ended.promise;
});

test("pieces are read no further than the loop", async (t) => {
  const client = await clientOf(t, {});
  const stopped = resolvers();
  async function* endless() {
    try {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        yield "piece";
      }
    } finally {
      stopped.resolve(undefined);
    }
  }
  for await (const answer of client.scanStream(endless())) {
    assert.equal(answer.message?.$case, "releasedBytes");
    break;
  }
  await stopped.promise;
});

test("slices are in UTF-16 units", () => {
  const text = "🚀 hé!";
  const span = (startUtf16: number, endUtf16: number) => ({ startUtf16, endUtf16 }) as Span;
  assert.equal(slice(text, span(0, 2)), "🚀");
  assert.equal(slice(text, span(3, 6)), "hé!");
  assert.equal(slice(text, span(6, 6)), "");
  for (const wrong of [span(3, 2), span(0, 7), undefined]) assert.throws(() => slice(text, wrong), RangeError);
  const contents = [{ text: "a" }, { id: "b", text: "bc" }];
  const finding = (contentId: string) => ({ contentId, ruleId: "r", span: span(0, 1) }) as Finding;
  assert.equal(sliceFinding(contents, finding("0")), "a");
  assert.equal(sliceFinding(contents, finding("b")), "b");
  assert.throws(() => sliceFinding(contents, finding("1")), RangeError);
});

function resolvers() {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
