/** A server that does as a test says, and certificates for it. What the real server does is for the conformance suite. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type sendUnaryData, Server, ServerCredentials, type ServerDuplexStream, type ServerUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import {
  Action,
  type AuditRequest,
  AuditResponse,
  type ClientOptions,
  directory,
  type RedactRequest,
  RedactResponse,
  type ScanRequest,
  ScanResponse,
  type ScanStreamRequest,
  type ScanStreamResponse,
  ShieldClient,
  ShieldServiceService,
} from "llm-shield";

type Failure = { code: status; details: string };

export interface Script {
  scan?: (call: ServerUnaryCall<ScanRequest, ScanResponse>) => Failure | undefined;
  redact?: (call: ServerUnaryCall<RedactRequest, RedactResponse>) => Failure | RedactResponse | undefined;
  audit?: (call: ServerWritableStream<AuditRequest, AuditResponse>) => void;
}

/** Makes a directory that is gone after the test. */
export function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "llm-shield-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Signs the certificates of a test. */
export class Authority {
  readonly #path: string;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.#path = temporary(t);
    this.#request("ca", ["-subj", "/CN=test authority"], this.#path);
  }

  /** Writes `ca.crt`, `tls.crt` and `tls.key`, as they are mounted, and returns where. */
  directory(into = temporary(this.#t)): string {
    const signed = ["-CA", join(this.#path, "ca.crt"), "-CAkey", join(this.#path, "ca.key")];
    this.#request("tls", ["-subj", "/", "-addext", "subjectAltName=critical,DNS:localhost", ...signed], into);
    copyFileSync(join(this.#path, "ca.crt"), join(into, "ca.crt"));
    return into;
  }

  /** Runs a server that demands certificates of this authority, and returns its address and what ends it. */
  async serve(script: Script): Promise<{ address: string; stop: () => void }> {
    const read = (name: string) => readFileSync(join(files, name));
    const files = this.directory();
    const server = new Server();
    server.addService(ShieldServiceService, implementation(script));
    const pairs = [{ private_key: read("tls.key"), cert_chain: read("tls.crt") }];
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(read("ca.crt"), pairs, true), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const stop = () => server.forceShutdown();
    this.#t.after(stop);
    return { address: `127.0.0.1:${port}`, stop };
  }

  #request(name: string, options: string[], into: string): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", join(into, `${name}.key`)];
    execFileSync("openssl", ["req", "-x509", "-days", "1", ...key, "-out", join(into, `${name}.crt`), ...options], { stdio: "pipe" });
  }
}

/** Makes a client of a scripted server. */
export async function clientOf(t: TestContext, script: Script, options: Partial<ClientOptions> = {}): Promise<ShieldClient> {
  const authority = new Authority(t);
  const { address } = await authority.serve(script);
  const client = await ShieldClient.connect(address, {
    tls: directory(authority.directory()),
    onUnavailable: "block",
    serverName: "localhost",
    timeouts: PATIENT,
    ...options,
  });
  t.after(() => client.close());
  return client;
}

/** Timeouts that a slow machine keeps. */
export const PATIENT = { scan: 30_000, redact: 30_000, audit: 30_000, other: 30_000 };

/** Replaces "secret" by "[S]", and blocks what has "attack" in it. */
export function redactSecrets({ request }: ServerUnaryCall<RedactRequest, RedactResponse>): RedactResponse {
  const blocked = request.contents.some((content) => content.text.includes("attack"));
  return RedactResponse.fromPartial({
    action: blocked ? Action.BLOCK : Action.REDACT,
    contents: request.contents.map(({ text }, index) => ({ id: String(index), text: text.replaceAll("secret", "[S]") })),
    detectors: [{ detector: "injection", findingCount: blocked ? 1 : 0 }, { detector: "secrets" }],
    auditRecordId: "record-1",
    requestId: "request-1",
  });
}

function implementation(script: Script) {
  return {
    scan(call: ServerUnaryCall<ScanRequest, ScanResponse>, answer: sendUnaryData<ScanResponse>) {
      const failure = script.scan?.(call);
      if (failure) answer(failure);
      else answer(null, ScanResponse.fromPartial({ action: Action.ALLOW }));
    },
    redact(call: ServerUnaryCall<RedactRequest, RedactResponse>, answer: sendUnaryData<RedactResponse>) {
      const outcome = script.redact?.(call);
      if (outcome && "code" in outcome) answer(outcome);
      else answer(null, outcome ?? RedactResponse.fromPartial({ action: Action.ALLOW }));
    },
    audit(call: ServerWritableStream<AuditRequest, AuditResponse>) {
      if (script.audit) script.audit(call);
      else call.end();
    },
    /** Releases each piece, and ends with a decision. */
    scanStream(call: ServerDuplexStream<ScanStreamRequest, ScanStreamResponse>) {
      let released = 0;
      call.on("data", ({ message }: ScanStreamRequest) => {
        if (message?.$case === "config" && message.value.policy === "away") {
          call.emit("error", { code: status.UNAVAILABLE, details: "away" });
        } else if (message?.$case === "delta") {
          released += message.value.length;
          call.write({ message: { $case: "releasedBytes", value: released } });
        }
      });
      call.on("end", () => {
        call.write({ message: { $case: "summary", value: ScanResponse.fromPartial({ action: Action.ALLOW }) } });
        call.end();
      });
    },
    redactStream: unknown,
    restore: unknown,
    getAuditProof: unknown,
    verifyAudit: unknown,
    getServerInfo: unknown,
  };
}

function unknown(call: { emit(event: "error", error: Failure): boolean }): void {
  call.emit("error", { code: status.UNIMPLEMENTED, details: "not scripted" });
}
