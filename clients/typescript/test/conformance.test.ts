/** The cases that all clients share, against the real server. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Action, type CallOptions, directory, files, type Finding, ShieldClient, type VerifyAuditResponse } from "llm-shield";
import { type Answer, check, savedOf } from "./answer.js";
import { conformanceDirectory, Harness, noServer } from "./harness.js";

type Fields = Record<string, unknown>;

interface Step {
  harness?: Fields;
  reload?: boolean;
  call?: Fields;
  expect?: Fields;
  eventually?: boolean;
  times?: number;
  attempts?: number;
  save?: Record<string, string>;
}

interface Case {
  name: string;
  identity: string;
  on_unavailable?: "allow" | "block";
  tls?: string;
  default_deadlines?: boolean;
  case_attempts?: number;
  steps: Step[];
}

// The suite measures no time, and runs on slow machines.
const PATIENT_MS = 30_000;
const EVENTUALLY_MS = 60_000;
const METHODS: Record<string, string> = {
  scan: "Scan",
  redact: "Redact",
  restore: "Restore",
  audit: "Audit",
  verify_audit: "VerifyAudit",
  server_info: "GetServerInfo",
  scan_stream: "ScanStream",
  redact_stream: "RedactStream",
};
const PREFIXES: Record<string, string> = { role: "ROLE_", direction: "DIRECTION_", actions: "ACTION_", mode: "STREAM_MODE_" };

describe("conformance", { skip: noServer }, () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  after(() => harness.stop());
  const { cases } = JSON.parse(readFileSync(join(conformanceDirectory, "cases.json"), "utf8")) as { cases: Case[] };
  assert.notEqual(cases.length, 0);
  for (const one of cases) {
    test(one.name, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await runCase(harness, one, { attempt: String(attempt) });
        } catch (error) {
          if (attempt >= (one.case_attempts ?? 1)) throw error;
        }
      }
    });
  }
});

async function runCase(harness: Harness, one: Case, saved: Record<string, string>): Promise<void> {
  const paths = harness.clients[one.identity.replace("$attempt", saved["attempt"]!)]!;
  const timeouts = { scan: PATIENT_MS, redact: PATIENT_MS, audit: PATIENT_MS, other: PATIENT_MS };
  const client = await ShieldClient.connect(harness.address, {
    tls: one.tls === "directory" ? directory(paths.dir) : files(paths.ca, paths.cert, paths.key),
    onUnavailable: one.on_unavailable ?? "block",
    serverName: harness.serverName,
    ...(one.default_deadlines ? {} : { timeouts }),
  });
  try {
    for (const step of one.steps) {
      if (step.harness) await harness.do(filled(step.harness, saved));
      else if (step.reload) await client.reload();
      else for (let time = 0; time < (step.times ?? 1); time += 1) await callOften(harness, client, step, saved);
    }
  } finally {
    client.close();
  }
}

async function callOften(harness: Harness, client: ShieldClient, step: Step, saved: Record<string, string>): Promise<void> {
  const give = Date.now() + EVENTUALLY_MS;
  for (;;) {
    try {
      return await callOnce(harness, client, step, saved);
    } catch (error) {
      if (!step.eventually || Date.now() > give) throw error;
      await sleep(100);
    }
  }
}

async function callOnce(harness: Harness, client: ShieldClient, step: Step, saved: Record<string, string>): Promise<void> {
  const { rpc, timeout_ms: timeoutMs, ...fields } = filled(step.call, saved) as Fields & { rpc: string; timeout_ms?: number };
  const before = step.attempts ? await harness.seen(METHODS[rpc]!) : 0;
  const answer = await call(client, rpc, fields, timeoutMs);
  if (step.attempts) assert.equal((await harness.seen(METHODS[rpc]!)) - before, step.attempts, "attempts");
  check(answer, filled(step.expect, saved) as Fields);
  for (const [name, what] of Object.entries(step.save ?? {})) saved[name] = savedOf(answer, what);
}

async function call(client: ShieldClient, rpc: string, fields: Fields, timeoutMs?: number): Promise<Answer> {
  const input = inputOf(fields) as never;
  const sent = (fields["contents"] ?? []) as Answer["sent"];
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  try {
    switch (rpc) {
      case "scan":
        return { sent, scan: await client.scan(input, options) };
      case "redact":
        return { sent, redact: await client.redact(input, options) };
      case "restore":
        return { sent, restore: await client.restore(input, options) };
      case "server_info":
        return { sent, info: await client.serverInfo(options) };
      case "scan_stream":
      case "redact_stream":
        return await streamed(client, rpc, fields, options);
      case "verify_audit": {
        let verified: VerifyAuditResponse | undefined;
        for await (const report of client.verifyAudit({}, options)) verified = report;
        return { sent, verified };
      }
      default: {
        const records = [];
        for await (const record of client.audit(input, options)) records.push(record);
        return { sent, records };
      }
    }
  } catch (error) {
    return { sent, error };
  }
}

/** A stream as a decision: the summary, with the findings and the text as they came piece by piece. */
async function streamed(client: ShieldClient, rpc: string, fields: Fields, options: CallOptions): Promise<Answer> {
  const { text, piece_bytes: size, config } = fields as { text: string; piece_bytes?: number; config?: Fields };
  const bytes = Buffer.from(text);
  const step = size ?? (bytes.length || 1);
  const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) => bytes.subarray(index * step, (index + 1) * step));
  const opening = inputOf(config ?? {}) as never;
  const answer: Answer = { sent: [{ text }], released: 0 };
  let letOut = 0;
  if (rpc === "scan_stream") {
    const findings: Finding[] = [];
    for await (const { message } of client.scanStream(pieces, opening, options)) {
      if (message?.$case === "finding") findings.push(message.value);
      else if (message?.$case === "releasedBytes") [answer.released, letOut] = [message.value, letOut + 1];
      else if (message) answer.scan = { ...message.value, findings, blocked: message.value.action === Action.BLOCK };
    }
  } else {
    let whole = "";
    for await (const { message } of client.redactStream(pieces, opening, options)) {
      if (message?.$case === "delta") [whole, letOut] = [whole + message.value, letOut + 1];
      else if (message) {
        const contents = message.value.contents.map((content) => ({ ...content, text: whole }));
        answer.redact = { ...message.value, contents, blocked: message.value.action === Action.BLOCK };
      }
    }
  }
  return { ...answer, early: letOut > 1 };
}

/** The fields in the names of the client, and enums with their prefix. */
function inputOf(value: unknown, name = ""): unknown {
  if (typeof value === "string") return (PREFIXES[name] ?? "") + value;
  if (Array.isArray(value)) return value.map((inner) => inputOf(inner, name));
  if (typeof value !== "object" || value === null || name === "labels") return value;
  const camel = (key: string) => key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camel(key), inputOf(inner, key)]));
}

/** Writes repeated strings out, and puts saved ones in. */
function filled(value: unknown, saved: Record<string, string>): unknown {
  if (typeof value === "string") {
    return (value.startsWith("$") && saved[value.slice(1)]) || value.replaceAll("$attempt", saved["attempt"]!);
  }
  if (Array.isArray(value)) return value.map((inner) => filled(inner, saved));
  if (typeof value !== "object" || value === null) return value;
  const { repeat, times } = value as { repeat?: string; times?: number };
  if (typeof repeat === "string" && Object.keys(value).length === 2) return repeat.repeat(times!);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner, saved)]));
}
