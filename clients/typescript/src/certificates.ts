/** Where a client's certificates come from. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";

/** What a client authenticates itself and its server with, each in PEM. */
export class Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly #key: string;

  /**
   * @param ca - The authorities that sign the server's certificate.
   * @param cert - The client's certificate, and its intermediates.
   * @param key - The private key of the first certificate.
   */
  constructor(ca: string, cert: string, key: string) {
    this.ca = ca;
    this.cert = cert;
    // Private, so that a key gets neither into a log nor into JSON.
    this.#key = key;
  }

  get key(): string {
    return this.#key;
  }

  [inspect.custom](): string {
    return "Certificates {…}";
  }

  toJSON(): string {
    return "Certificates {…}";
  }
}

/** Yields certificates; asked again and again. */
export interface CertificateSource {
  /** Returns the certificates as they are now. */
  load(): Promise<Certificates>;
  /** How often they are looked at, 5 s when absent. */
  readonly reloadIntervalMs?: number;
}

/** Reads the certificates from three PEM files. */
export function files(ca: string, cert: string, key: string): CertificateSource {
  return {
    async load() {
      const [caText, certText, keyText] = await Promise.all([ca, cert, key].map((path) => readFile(path, "utf8")));
      return new Certificates(caText ?? "", certText ?? "", keyText ?? "");
    },
  };
}

/** Reads `ca.crt`, `tls.crt` and `tls.key` from a directory, as Kubernetes mounts a TLS secret. */
export function directory(path: string): CertificateSource {
  return files(join(path, "ca.crt"), join(path, "tls.crt"), join(path, "tls.key"));
}

/** How a secret is read. */
export interface SecretsManagerOptions {
  /** Given to `new SecretsManagerClient`, such as `{ region, endpoint }`. */
  readonly config?: Record<string, unknown>;
}

/**
 * Reads the certificates from a secret of AWS Secrets Manager that holds `{"ca": "PEM", "cert": "PEM", "key": "PEM"}`.
 * Needs the package `@aws-sdk/client-secrets-manager`.
 */
export function secretsManager(secretId: string, options: SecretsManagerOptions = {}): CertificateSource {
  let client: { send(command: unknown): Promise<{ SecretString?: string; SecretBinary?: Uint8Array }> } | undefined;
  return {
    reloadIntervalMs: 300_000,
    async load() {
      const aws = await import("@aws-sdk/client-secrets-manager");
      client ??= new aws.SecretsManagerClient(options.config ?? {}) as unknown as NonNullable<typeof client>;
      const secret = await client.send(
        new aws.GetSecretValueCommand({ SecretId: secretId, VersionStage: "AWSCURRENT" }),
      );
      const text = secret.SecretString ?? Buffer.from(secret.SecretBinary ?? []).toString();
      return parsed(secretId, text);
    },
  };
}

function parsed(secretId: string, text: string): Certificates {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The cause quotes the text, and that has a key in it.
    throw new Error(`the secret \`${secretId}\` is no JSON`);
  }
  const { ca, cert, key } = (value ?? {}) as Record<string, unknown>;
  if (typeof ca !== "string" || typeof cert !== "string" || typeof key !== "string") {
    throw new Error(`the secret \`${secretId}\` has not all of the strings ca, cert and key`);
  }
  return new Certificates(ca, cert, key);
}
