import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { Metadata, status } from "@grpc/grpc-js";
import { type Context, context, type ContextManager, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { Action, type AuditResponse, Certificates, DEFAULT_TIMEOUTS, directory, type OnUnavailable, serviceConfig, ShieldClient, ShieldError } from "llm-shield";
import { Authority, clientOf, PATIENT, temporary } from "./server.js";

test("onUnavailable has no default", async (t) => {
  const tls = directory(new Authority(t).directory());
  for (const choice of [undefined, "", "open"]) {
    await assert.rejects(
      ShieldClient.connect("127.0.0.1:1", { tls, onUnavailable: choice as OnUnavailable }),
      /no default/,
    );
  }
});

test("the service config is the published one", () => {
  assert.deepEqual(serviceConfig, JSON.parse(readFileSync("../service-config.json", "utf8")));
});

test("calls have their deadline", async (t) => {
  const hour = 3_600_000;
  let left = 0;
  const note = (call: { getDeadline(): number | Date }) => {
    left = Number(call.getDeadline()) - Date.now();
    return undefined;
  };
  const client = await clientOf(t, { scan: note, redact: note }, { timeouts: { scan: hour, redact: 2 * hour } });
  await client.scan("a");
  assert.ok(left > 0 && left <= hour, String(left));
  await client.redact("a");
  assert.ok(left > hour && left <= 2 * hour, String(left));
  await client.scan("a", { timeoutMs: 24 * hour });
  assert.ok(left > 2 * hour, String(left));
  assert.deepEqual(DEFAULT_TIMEOUTS, { scan: 250, redact: 500, audit: 5000, other: 5000 });
});

test("attempts share their request id and trace", async (t) => {
  const seen: Metadata[] = [];
  const client = await clientOf(t, {
    scan: ({ metadata }) => (seen.push(metadata) < 3 ? { code: status.UNAVAILABLE, details: "not yet" } : undefined),
  });
  context.setGlobalContextManager(new Contexts());
  t.after(() => context.disable());
  const span = { traceId: "01".repeat(16), spanId: "02".repeat(8), traceFlags: TraceFlags.SAMPLED };
  await context.with(trace.setSpanContext(ROOT_CONTEXT, span), () => client.scan("a"));
  assert.equal(seen.length, 3);
  for (const metadata of seen) {
    assert.deepEqual(metadata.get("traceparent"), [`00-${"01".repeat(16)}-${"02".repeat(8)}-01`]);
    assert.deepEqual(metadata.get("x-request-id"), seen[0]!.get("x-request-id"));
  }
  await client.scan("a", { requestId: "mine", traceparent: "00-ab-cd-00", tracestate: "a=b" });
  const last = seen.at(-1)!;
  assert.deepEqual(["x-request-id", "traceparent", "tracestate"].flatMap((key) => last.get(key)), ["mine", "00-ab-cd-00", "a=b"]);
});

test("a call that is given up is no decision", async (t) => {
  const client = await clientOf(t, {}, { onUnavailable: "allow" });
  await assert.rejects(client.scan("a", { signal: AbortSignal.abort() }), (error) => {
    assert.ok(error instanceof ShieldError);
    assert.equal(error.code, "CANCELLED");
    assert.equal(error.unavailable, false);
    return true;
  });
});

test("errors without details say what they can", () => {
  const other = new ShieldError(new Error("what"), "r");
  assert.deepEqual([other.code, other.reason, other.message, other.requestId], ["UNKNOWN", "", "what", "r"]);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from("no protobuf"));
  const broken = new ShieldError({ code: status.NOT_FOUND, details: "gone", metadata }, "r");
  assert.deepEqual([broken.code, broken.reason, broken.message], ["NOT_FOUND", "", "gone"]);
});

test("calls go to all addresses, and on when one is lost", async (t) => {
  const authority = new Authority(t);
  const calls = [0, 0];
  const servers = await Promise.all(
    calls.map((_, index) => authority.serve({ scan: () => void (calls[index]! += 1) })),
  );
  const client = await ShieldClient.connect(`ipv4:${servers.map((server) => server.address).join(",")}`, {
    tls: directory(authority.directory()),
    onUnavailable: "block",
    serverName: "localhost",
    timeouts: PATIENT,
  });
  t.after(() => client.close());
  while (calls.some((count) => count === 0)) assert.equal((await client.scan("a")).unavailable, undefined);
  servers[0]!.stop();
  const before = calls[1]!;
  while (calls[1]! < before + 10) await client.scan("a");
});

test("unusable certificates are not taken", async (t) => {
  const authority = new Authority(t);
  const { address } = await authority.serve({});
  const path = authority.directory();
  const options = { tls: directory(path), onUnavailable: "block", serverName: "localhost", timeouts: PATIENT } as const;
  const client = await ShieldClient.connect(address, options);
  t.after(() => client.close());
  const other = readFileSync(join(authority.directory(), "tls.key"), "utf8");
  writeFileSync(join(path, "tls.key"), other);
  await assert.rejects(client.reload(), /mismatch/);
  assert.equal((await client.scan("a")).unavailable, undefined);
  await assert.rejects(ShieldClient.connect(address, options), /mismatch/);
});

test("a key does not get into logs", () => {
  const certificates = new Certificates("ca", "cert", "KEY");
  const shown = inspect(certificates) + JSON.stringify(certificates) + String(certificates);
  assert.doesNotMatch(shown, /KEY/);
  assert.equal(certificates.key, "KEY");
});

test("an open stream outlives a reload", async (t) => {
  const authority = new Authority(t);
  let goOn = () => {};
  const { address } = await authority.serve({
    audit: (call) => {
      call.write({ record: undefined, nextPageToken: "1" });
      goOn = () => {
        call.write({ record: undefined, nextPageToken: "2" });
        call.end();
      };
    },
  });
  const path = authority.directory();
  const client = await ShieldClient.connect(address, {
    tls: directory(path),
    onUnavailable: "block",
    serverName: "localhost",
    timeouts: PATIENT,
  });
  t.after(() => client.close());
  const received: AuditResponse[] = [];
  for await (const answer of client.audit()) {
    received.push(answer);
    if (received.length > 1) continue;
    authority.directory(path);
    await client.reload();
    assert.equal((await client.scan("over the new connection")).action, Action.ALLOW);
    goOn();
  }
  assert.deepEqual(received.map((answer) => answer.nextPageToken), ["1", "2"]);
});

test("directories without certificates are refused", async (t) => {
  await assert.rejects(ShieldClient.connect("127.0.0.1:1", { tls: directory(temporary(t)), onUnavailable: "block" }), /ca\.crt|tls\./);
});

/** What an OpenTelemetry SDK brings. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active = () => this.#storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager["with"] = (active, run, self, ...rest) => this.#storage.run(active, () => run.call(self as never, ...rest));
  bind: ContextManager["bind"] = (_, target) => target;
  enable = () => this;
  disable = () => this;
}
