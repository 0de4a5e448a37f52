/** What the middlewares have in common: texts in some structure, of which none may pass that a decision is against. */
import type { RedactDecision, ShieldClient } from "./client.js";
import type { ShieldError } from "./errors.js";
import { Action, type Direction, type RedactRequest, type Role } from "./messages.js";

/** A text where it stands, and how another gets into its place. */
export interface Slot {
  readonly text: string;
  readonly role: Role;
  readonly replace: (text: string) => void;
}

/** How a middleware asks. */
export interface GuardOptions {
  /** The policy to decide by; the tenant's default when absent. */
  readonly policy?: string;
  /** Labels kept in the audit record. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The conversation of numbered placeholders, see `RedactRequest.conversation`. */
  readonly conversation?: string;
  /** The deadline of each call. */
  readonly timeoutMs?: number;
}

/** A text was not let through. The message has nothing of it. */
export class BlockedError extends Error {
  override readonly name: string = "BlockedError";
  readonly decision: RedactDecision;

  constructor(decision: RedactDecision) {
    super(decision.unavailable ? "no decision could be had, and nothing passes without one" : "the text is blocked by policy");
    this.decision = decision;
  }

  /** The detectors that found something. */
  get detectors(): string[] {
    return this.decision.detectors.filter((report) => report.findingCount > 0).map((report) => report.detector);
  }

  /** Why there was no decision, where that is the reason. */
  get unavailable(): ShieldError | undefined {
    return this.decision.unavailable;
  }
}

// What a server takes in one request, with room for the rest of the message.
const MAX_CONTENTS = 256;
const MAX_BYTES = 3 << 20;

/** Redacts all slots in place, in as few calls as there can be. Throws before any is changed when one is blocked. */
export async function guard(
  client: ShieldClient,
  direction: Direction,
  slots: readonly Slot[],
  options: GuardOptions = {},
): Promise<void> {
  const changes: (() => void)[] = [];
  for (const batch of batches(slots.filter((slot) => slot.text !== ""))) {
    const { timeoutMs, ...rest } = options;
    const contents = batch.map(({ text, role }) => ({ text, role }));
    const request = { ...rest, contents, direction } as Partial<RedactRequest> & { contents: typeof contents };
    const decision = await client.redact(request, timeoutMs === undefined ? {} : { timeoutMs });
    if (decision.blocked || (decision.action === Action.REDACT && decision.contents.length !== batch.length)) {
      throw new BlockedError(decision);
    }
    decision.contents.forEach((content, index) => {
      const slot = batch[index];
      if (slot !== undefined && content.text !== slot.text) changes.push(() => slot.replace(content.text));
    });
  }
  for (const change of changes) change();
}

function* batches(slots: readonly Slot[]): Generator<Slot[]> {
  let batch: Slot[] = [];
  let bytes = 0;
  for (const slot of slots) {
    const size = Buffer.byteLength(slot.text);
    if (batch.length > 0 && (batch.length === MAX_CONTENTS || bytes + size > MAX_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(slot);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
