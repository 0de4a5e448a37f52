/**
 * A gRPC channel that is replaced when the certificates change: what is open keeps the identity that it was opened with,
 * and a server refuses that once it has expired. Calls under way end on the old channel.
 */
import { createHash } from "node:crypto";
import { createSecureContext } from "node:tls";
import { type ChannelOptions, credentials } from "@grpc/grpc-js";
import type { Certificates, CertificateSource } from "./certificates.js";
import { ShieldServiceClient } from "./gen/llm_shield/v1/shield.js";
import { serviceConfig } from "./service-config.js";

const RELOAD_INTERVAL_MS = 5000;

const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.service_config": JSON.stringify(serviceConfig),
  "grpc.service_config_disable_resolution": 1,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // A restarted server is found again soon; the default would wait up to two minutes.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5000,
  // A redacted text may be longer than what was sent.
  "grpc.max_receive_message_length": 16 << 20,
  "grpc.max_send_message_length": 5 << 20,
  // Not shared with channels that have other certificates.
  "grpc.use_local_subchannel_pool": 1,
};

interface Lease {
  readonly stub: ShieldServiceClient;
  open: number;
}

/** What is said when something does not work that a call does not fail of. */
export type Warn = (message: string, error: unknown) => void;

export class Connection {
  readonly #target: string;
  readonly #source: CertificateSource;
  readonly #options: ChannelOptions;
  readonly #warn: Warn;
  #current: Lease;
  #digest: string;
  readonly #timer: NodeJS.Timeout;
  readonly #retired = new Set<Lease>();
  #closed = false;

  /** Reads the certificates, and connects when the first call is made. */
  static async open(target: string, source: CertificateSource, options: ChannelOptions, warn: Warn) {
    return new Connection(target, source, { ...CHANNEL_OPTIONS, ...options }, warn, await source.load());
  }

  private constructor(
    target: string,
    source: CertificateSource,
    options: ChannelOptions,
    warn: Warn,
    certificates: Certificates,
  ) {
    this.#target = target;
    this.#source = source;
    this.#options = options;
    this.#warn = warn;
    this.#current = this.#dial(certificates);
    this.#digest = digest(certificates);
    this.#timer = setInterval(() => {
      this.reload().catch((error: unknown) => {
        if (!this.#closed) this.#warn("certificates were not reloaded; those before stay in use", error);
      });
    }, source.reloadIntervalMs ?? RELOAD_INTERVAL_MS);
    // A program may end while it has a client.
    this.#timer.unref();
  }

  /** Looks at the certificates at once, and goes over to them if they have changed. */
  async reload(): Promise<void> {
    const certificates = await this.#source.load();
    const found = digest(certificates);
    if (this.#closed || found === this.#digest) return;
    const renewed = this.#dial(certificates);
    const old = this.#current;
    this.#current = renewed;
    this.#digest = found;
    this.#retired.add(old);
    this.#endIfUnused(old);
  }

  /** Returns the stub for one call, and what is to be called once when that has ended. */
  acquire(): { stub: ShieldServiceClient; release: () => void } {
    const lease = this.#current;
    lease.open += 1;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      lease.open -= 1;
      this.#endIfUnused(lease);
    };
    return { stub: lease.stub, release };
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const lease of [this.#current, ...this.#retired]) lease.stub.close();
    this.#retired.clear();
  }

  #dial(certificates: Certificates): Lease {
    const { ca, cert, key } = certificates;
    // Throws when they cannot be used, as when the key is another's.
    const context = createSecureContext({ ca, cert, key, minVersion: "TLSv1.3" });
    return { stub: new ShieldServiceClient(this.#target, credentials.createFromSecureContext(context), this.#options), open: 0 };
  }

  #endIfUnused(lease: Lease): void {
    if (lease.open === 0 && this.#retired.delete(lease)) lease.stub.close();
  }
}

function digest({ ca, cert, key }: Certificates): string {
  return createHash("sha256").update(JSON.stringify([ca, cert, key])).digest("hex");
}
