/** The client. */
import type { ChannelOptions, ClientDuplexStream, ClientReadableStream, ClientUnaryCall, Metadata, ServiceError } from "@grpc/grpc-js";
import type { CertificateSource } from "./certificates.js";
import { Connection, type Warn } from "./connection.js";
import { ShieldError } from "./errors.js";
import { AuditRequest, type AuditResponse, GetAuditProofRequest, type GetAuditProofResponse, VerifyAuditRequest, type VerifyAuditResponse } from "./gen/llm_shield/v1/audit.js";
import {
  GetServerInfoRequest,
  type GetServerInfoResponse,
  RedactRequest,
  RedactResponse,
  type RedactStreamRequest,
  type RedactStreamResponse,
  RestoreRequest,
  type RestoreResponse,
  ScanRequest,
  ScanResponse,
  type ScanStreamRequest,
  type ScanStreamResponse,
  type ShieldServiceClient,
  StreamConfig,
} from "./gen/llm_shield/v1/shield.js";
import { Action, type AuditFilter, Verdict } from "./messages.js";
import { type CallOptions, callMetadata } from "./metadata.js";
import { pieces } from "./pieces.js";
import { type ContentInput, contentId } from "./text.js";

/** What a decision is when the server gives none. */
export type OnUnavailable = "allow" | "block";

/** The deadlines of calls that have none of their own, in milliseconds. */
export interface Timeouts {
  readonly scan: number;
  readonly redact: number;
  /** Of a whole query, from its first record to its last. */
  readonly audit: number;
  /** Of other calls, but for the streams of text: they last as long as the model has something to say. */
  readonly other: number;
}

/** The timeouts of a client that is not told otherwise. */
export const DEFAULT_TIMEOUTS: Timeouts = { scan: 250, redact: 500, audit: 5000, other: 5000 };

/** What a client needs to know. */
export interface ClientOptions {
  /** Whence its certificates come: `files`, `directory` or `secretsManager`. */
  readonly tls: CertificateSource;
  /** Whether texts pass unchecked (`allow`) or not at all (`block`) while no decision can be had. There is no default. */
  readonly onUnavailable: OnUnavailable;
  readonly timeouts?: Partial<Timeouts>;
  /** The name that the server's certificate must be for, where that is not the target's host. */
  readonly serverName?: string;
  /** Is told of decisions that could not be had and of certificates that cannot be reloaded; `process.emitWarning` when absent. */
  readonly warn?: Warn;
  /** Options of gRPC's own, such as interceptors. */
  readonly channelOptions?: ChannelOptions;
}

type Input<T> = Partial<Omit<T, "contents">> & { contents: ContentInput[] };
/** A Scan; only contents with a text are needed. */
export type ScanInput = Input<ScanRequest>;
/** A Redact; only contents with a text are needed. */
export type RedactInput = Input<RedactRequest>;
/** A Restore; only contents with a text are needed. */
export type RestoreInput = Input<RestoreRequest>;
/** A query of the audit log; without a field, all of it. */
export type AuditInput = Partial<Omit<AuditRequest, "filter">> & { readonly filter?: Partial<AuditFilter> };

interface Unavailable {
  readonly response: { action: Action; verdict: Verdict; degraded: boolean; requestId: string };
  readonly unavailable: ShieldError;
}

interface Judged {
  /** Whether the text must not pass. */
  readonly blocked: boolean;
  /** Why the server made no decision, and this is the one that `onUnavailable` stands for; absent when it did. */
  readonly unavailable?: ShieldError;
}
/** A decision. */
export type ScanDecision = ScanResponse & Judged;
/** The redacted contents and the decision on them. */
export type RedactDecision = RedactResponse & Judged;

type Unary<I, O> = (
  request: I,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: O) => void,
) => ClientUnaryCall;
type Outgoing = { cancel(): void; on(event: "status" | "error", listener: () => void): unknown };

/** Calls an llm-shield server. Close it when it is no longer needed. */
export class ShieldClient {
  readonly #connection: Connection;
  readonly #onUnavailable: OnUnavailable;
  readonly #timeouts: Timeouts;
  readonly #warn: Warn;

  /** Makes a client of the server at `target`, a gRPC name such as `shield.internal:8443`. */
  static async connect(target: string, options: ClientOptions): Promise<ShieldClient> {
    const { tls, onUnavailable, serverName } = options;
    if (onUnavailable !== "allow" && onUnavailable !== "block") {
      throw new TypeError('onUnavailable has no default: say "allow" or "block"');
    }
    const name = serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName, "grpc.default_authority": serverName };
    const warn = options.warn ?? ((message, error) => process.emitWarning(`llm-shield: ${message}: ${String(error)}`));
    const connection = await Connection.open(target, tls, { ...name, ...options.channelOptions }, warn);
    return new ShieldClient(connection, onUnavailable, { ...DEFAULT_TIMEOUTS, ...options.timeouts }, warn);
  }

  private constructor(connection: Connection, onUnavailable: OnUnavailable, timeouts: Timeouts, warn: Warn) {
    this.#connection = connection;
    this.#onUnavailable = onUnavailable;
    this.#timeouts = timeouts;
    this.#warn = warn;
  }

  /** Looks at the certificates at once. Those that cannot be used leave the ones before in force, and are thrown. */
  reload(): Promise<void> {
    return this.#connection.reload();
  }

  /** Ends the connection; calls that wait for one fail. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Says what the policy asks for, and what was found. A string is a text of the end user, on its way to the model. */
  async scan(input: ScanInput | string, options: CallOptions = {}): Promise<ScanDecision> {
    const request = ScanRequest.fromPartial(contentsOf(input));
    try {
      return judged(await this.#unary<ScanRequest, ScanResponse>((stub) => stub.scan, request, this.#timeouts.scan, options));
    } catch (error) {
      const answer = this.#answerFor(error);
      return judged(ScanResponse.fromPartial(answer.response), answer.unavailable);
    }
  }

  /** Returns the contents with what the policy names replaced. A string is a text of the end user. */
  async redact(input: RedactInput | string, options: CallOptions = {}): Promise<RedactDecision> {
    const request = RedactRequest.fromPartial(contentsOf(input));
    try {
      return judged(await this.#unary<RedactRequest, RedactResponse>((stub) => stub.redact, request, this.#timeouts.redact, options));
    } catch (error) {
      const answer = this.#answerFor(error);
      const unchanged = (content: ContentInput, index: number) => ({ id: contentId(content, index), text: content.text });
      const contents = this.#onUnavailable === "allow" ? request.contents.map(unchanged) : [];
      return judged(RedactResponse.fromPartial({ ...answer.response, contents }), answer.unavailable);
    }
  }

  /** Undoes a reversible redaction. */
  restore(input: RestoreInput, options: CallOptions = {}): Promise<RestoreResponse> {
    return this.#unary((stub) => stub.restore, RestoreRequest.fromPartial(input), this.#timeouts.other, options);
  }

  /** Returns a Merkle inclusion or consistency proof of the audit log. */
  auditProof(input: Partial<GetAuditProofRequest>, options: CallOptions = {}): Promise<GetAuditProofResponse> {
    return this.#unary((stub) => stub.getAuditProof, GetAuditProofRequest.fromPartial(input), this.#timeouts.other, options);
  }

  /** Says what the server is, and who the caller is to it. */
  serverInfo(options: CallOptions = {}): Promise<GetServerInfoResponse> {
    return this.#unary((stub) => stub.getServerInfo, GetServerInfoRequest.fromPartial({}), this.#timeouts.other, options);
  }

  /** Yields the decisions of the caller's tenant. Leaving the loop ends the query. */
  audit(input: AuditInput = {}, options: CallOptions = {}): AsyncGenerator<AuditResponse, void, undefined> {
    const request = AuditRequest.fromPartial(input);
    return this.#stream(this.#timeouts.audit, options, (stub, metadata, call) => stub.audit(request, metadata, call));
  }

  /** Checks the log of the caller's tenant and yields how far it has come; the last answer has the result. */
  verifyAudit(input: Partial<VerifyAuditRequest> = {}, options: CallOptions = {}): AsyncGenerator<VerifyAuditResponse, void, undefined> {
    const request = VerifyAuditRequest.fromPartial(input);
    return this.#stream(this.#timeouts.other, options, (stub, metadata, call) => stub.verifyAudit(request, metadata, call));
  }

  /**
   * Scans a text that arrives in pieces, such as what a model writes, and yields findings, how much of the text may be
   * passed on, and at the end the decision. There is no retry, and `onUnavailable` is not applied: what was not released
   * before an error must be held back, or let go, by the caller.
   */
  scanStream(
    text: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
    config: Partial<StreamConfig> = {},
    options: CallOptions = {},
  ): AsyncGenerator<ScanStreamResponse, void, undefined> {
    return this.#stream(undefined, options, (stub, metadata, call) => {
      const stream: ClientDuplexStream<ScanStreamRequest, ScanStreamResponse> = stub.scanStream(metadata, call);
      pieces(stream, StreamConfig.fromPartial(config), text);
      return stream;
    });
  }

  /** Redacts a text that arrives in pieces, and yields pieces of the redacted text; for the rest it is as `scanStream`. */
  redactStream(
    text: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
    config: Partial<StreamConfig> = {},
    options: CallOptions = {},
  ): AsyncGenerator<RedactStreamResponse, void, undefined> {
    return this.#stream(undefined, options, (stub, metadata, call) => {
      const stream: ClientDuplexStream<RedactStreamRequest, RedactStreamResponse> = stub.redactStream(metadata, call);
      pieces(stream, StreamConfig.fromPartial(config), text);
      return stream;
    });
  }

  #unary<I, O>(method: (stub: ShieldServiceClient) => unknown, request: I, timeoutMs: number, options: CallOptions): Promise<O> {
    const { metadata, requestId } = callMetadata(options);
    return new Promise((resolve, reject) => {
      const { stub, release } = this.#connection.acquire();
      const deadline = Date.now() + (options.timeoutMs ?? timeoutMs);
      // The overloads of the generated methods differ in their tails only.
      const call = (method(stub) as Unary<I, O>).call(stub, request, metadata, { deadline }, (error, response) => {
        release();
        if (error) reject(new ShieldError(error, requestId));
        else resolve(response);
      });
      cancelled(call, options.signal);
    });
  }

  async *#stream<O>(
    timeoutMs: number | undefined,
    options: CallOptions,
    open: (stub: ShieldServiceClient, metadata: Metadata, options: { deadline: number }) => ClientReadableStream<O> | ClientDuplexStream<never, O>,
  ): AsyncGenerator<O, void, undefined> {
    const { metadata, requestId } = callMetadata(options);
    const { stub, release } = this.#connection.acquire();
    const timeout = options.timeoutMs ?? timeoutMs;
    const call = open(stub, metadata, { deadline: timeout === undefined ? Infinity : Date.now() + timeout });
    call.on("status", release);
    // After the loop was left, nobody else listens.
    call.on("error", release);
    cancelled(call, options.signal);
    try {
      for await (const message of call) yield message as O;
    } catch (error) {
      throw new ShieldError(error, requestId);
    } finally {
      call.cancel();
    }
  }

  /** What is answered in place of a server that is away; any other error is thrown. */
  #answerFor(error: unknown): Unavailable {
    if (!(error instanceof ShieldError) || !error.unavailable) throw error;
    this.#warn("no decision could be had", error);
    const action = this.#onUnavailable === "allow" ? Action.ALLOW : Action.BLOCK;
    const response = { action, verdict: Verdict.UNDETERMINED, degraded: true, requestId: error.requestId };
    return { response, unavailable: error };
  }
}

function contentsOf<T extends Input<unknown>>(input: T | string): T | { contents: ContentInput[] } {
  return typeof input === "string" ? { contents: [{ text: input }] } : input;
}

function judged<T extends ScanResponse | RedactResponse>(response: T, unavailable?: ShieldError): T & Judged {
  const blocked = response.action === Action.BLOCK || response.action === Action.UNRECOGNIZED;
  return unavailable === undefined ? { ...response, blocked } : { ...response, blocked, unavailable };
}

function cancelled(call: Outgoing, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const cancel = () => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  call.on("status", () => signal.removeEventListener("abort", cancel));
}
