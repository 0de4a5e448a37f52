/** The sending side of a stream of text. */
import type { StreamConfig } from "./gen/llm_shield/v1/shield.js";

type Message = { message: { $case: "config"; value: StreamConfig } | { $case: "delta"; value: Buffer } };

interface Sink {
  write(message: Message): boolean;
  end(): unknown;
  cancel(): void;
  once(event: "drain" | "close" | "error" | "status", listener: () => void): unknown;
  readonly destroyed: boolean;
  readonly writable: boolean;
}

/** Cut to this size, well below what a server accepts as one message. */
const MAX_PIECE_BYTES = 1 << 20;

/** Sends a configuration and then a text, no faster than the server takes it. A text that fails ends the call. */
export function pieces(
  sink: Sink,
  config: StreamConfig,
  text: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): void {
  let ended = false;
  sink.once("status", () => {
    ended = true;
  });
  const send = async () => {
    sink.write({ message: { $case: "config", value: config } });
    for await (const piece of text) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      for (let at = 0; at < bytes.length; at += MAX_PIECE_BYTES) {
        if (ended || !sink.writable) return;
        const value = bytes.subarray(at, at + MAX_PIECE_BYTES);
        if (!sink.write({ message: { $case: "delta", value } })) await drained(sink);
      }
    }
    sink.end();
  };
  send().catch(() => sink.cancel());
}

function drained(sink: Sink): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["drain", "close", "error", "status"] as const) sink.once(event, resolve);
  });
}
