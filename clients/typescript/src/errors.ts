/** Calls that failed, with what the server said about it. */
import { status as Code, type Metadata } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, QuotaFailure, ResourceInfo, RetryInfo } from "./gen/google/rpc/error_details.js";
import { Status } from "./gen/google/rpc/status.js";

/** The names of gRPC's codes. */
export type CodeName = keyof typeof Code;

/** A field of a request that breaks a rule. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A quota that is used up; its subject is `server`, or `tenant:` and the tenant's name. */
export interface QuotaViolation {
  readonly subject: string;
  readonly description: string;
}

/** A call that failed. Decide by `reason`, which never changes its meaning; the message is for people. */
export class ShieldError extends Error {
  override readonly name: string = "ShieldError";
  readonly code: CodeName;
  /** The stable name of what went wrong, such as `POLICY_NOT_FOUND`. Empty when no server answered. */
  readonly reason: string = "";
  /** The parts of the message that vary, by name. */
  readonly metadata: Readonly<Record<string, string>> = {};
  readonly fieldViolations: readonly FieldViolation[] = [];
  readonly quotaViolations: readonly QuotaViolation[] = [];
  /** The name of what was not found. */
  readonly resource: string = "";
  /** How long the server asks to wait, 0 when it does not say. */
  readonly retryDelayMs: number = 0;
  /** The id under which the server's log has the call. */
  readonly requestId: string;

  constructor(error: unknown, requestId: string) {
    const failure = error as { code?: unknown; details?: unknown; message?: unknown; metadata?: Metadata };
    const code = typeof failure.code === "number" ? Code[failure.code] : undefined;
    const known = code !== undefined;
    super(String((known && failure.details) || failure.message || error), { cause: error });
    this.code = (code ?? "UNKNOWN") as CodeName;
    this.requestId = requestId;
    for (const detail of known ? detailsOf(failure.metadata) : []) {
      const type = detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1);
      if (type === "google.rpc.ErrorInfo") {
        ({ reason: this.reason, metadata: this.metadata } = ErrorInfo.decode(detail.value));
      } else if (type === "google.rpc.BadRequest") {
        this.fieldViolations = BadRequest.decode(detail.value).fieldViolations;
      } else if (type === "google.rpc.QuotaFailure") {
        this.quotaViolations = QuotaFailure.decode(detail.value).violations;
      } else if (type === "google.rpc.ResourceInfo") {
        this.resource = ResourceInfo.decode(detail.value).resourceName;
      } else if (type === "google.rpc.RetryInfo") {
        const delay = RetryInfo.decode(detail.value).retryDelay;
        this.retryDelayMs = (delay?.seconds ?? 0) * 1000 + (delay?.nanos ?? 0) / 1e6;
      }
    }
  }

  /**
   * Whether there was no decision for want of a server that could make one in time, rather than for something about the
   * request or its caller.
   */
  get unavailable(): boolean {
    if (this.code === "RESOURCE_EXHAUSTED") {
      // Overload and quotas say when to come back. A message that is too large never gets better, and must not pass for
      // its size.
      return this.retryDelayMs > 0;
    }
    return this.code === "UNAVAILABLE" || this.code === "DEADLINE_EXCEEDED";
  }
}

function detailsOf(metadata: Metadata | undefined): { typeUrl: string; value: Uint8Array }[] {
  const [encoded] = metadata?.get("grpc-status-details-bin") ?? [];
  if (!(encoded instanceof Uint8Array)) return [];
  try {
    return Status.decode(encoded).details;
  } catch {
    // Whoever wrote it: code and message still hold.
    return [];
  }
}
