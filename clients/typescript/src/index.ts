/**
 * The client of llm-shield, the security checkpoint for LLM traffic.
 *
 * @packageDocumentation
 */
export { Certificates, type CertificateSource, directory, files, secretsManager, type SecretsManagerOptions } from "./certificates.js";
export {
  type AuditInput,
  type ClientOptions,
  DEFAULT_TIMEOUTS,
  type OnUnavailable,
  type RedactDecision,
  type RedactInput,
  type RestoreInput,
  type ScanDecision,
  type ScanInput,
  ShieldClient,
  type Timeouts,
} from "./client.js";
export { type CodeName, type FieldViolation, type QuotaViolation, ShieldError } from "./errors.js";
export { BlockedError } from "./guard.js";
export * from "./messages.js";
export type { CallOptions } from "./metadata.js";
export { serviceConfig } from "./service-config.js";
export { type ContentInput, slice, sliceFinding } from "./text.js";
