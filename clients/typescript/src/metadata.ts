/** What goes along with each call: a request id, and the trace context of W3C. */
import { randomUUID } from "node:crypto";
import { Metadata } from "@grpc/grpc-js";

/** What can be said of one call. */
export interface CallOptions {
  /** The deadline of the call with its retries, instead of the client's. */
  readonly timeoutMs?: number;
  /** Gives the call up. */
  readonly signal?: AbortSignal;
  /** The id under which the server logs and records the call, at most 128 visible ASCII characters; a new one when absent. */
  readonly requestId?: string;
  /** A trace context that does not come from OpenTelemetry. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

// Only whoever traces with OpenTelemetry has its package.
const openTelemetry = await import("@opentelemetry/api").catch(() => undefined);

/** Makes a call's metadata. All attempts of the call have it, so their audit records have the same request id. */
export function callMetadata(options: CallOptions): { metadata: Metadata; requestId: string } {
  const metadata = new Metadata();
  const requestId = options.requestId ?? randomUUID();
  metadata.set("x-request-id", requestId);
  const trace = options.traceparent === undefined ? activeTrace() : options;
  if (trace?.traceparent) {
    metadata.set("traceparent", trace.traceparent);
    if (trace.tracestate) metadata.set("tracestate", trace.tracestate);
  }
  return { metadata, requestId };
}

function activeTrace(): Pick<CallOptions, "traceparent" | "tracestate"> | undefined {
  const span = openTelemetry?.trace.getActiveSpan()?.spanContext();
  if (openTelemetry === undefined || span === undefined || !openTelemetry.isSpanContextValid(span)) return undefined;
  // W3C Trace Context, level 1: version, trace id, parent id, flags.
  const flags = span.traceFlags.toString(16).padStart(2, "0");
  return { traceparent: `00-${span.traceId}-${span.spanId}-${flags}`, tracestate: span.traceState?.serialize() ?? "" };
}
