/** What is retried, and how: the service config that all clients publish. */
export const serviceConfig = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [
        { service: "llm_shield.v1.ShieldService", method: "Scan" },
        { service: "llm_shield.v1.ShieldService", method: "Redact" },
        { service: "llm_shield.v1.ShieldService", method: "Restore" },
        { service: "llm_shield.v1.ShieldService", method: "Audit" },
        { service: "llm_shield.v1.ShieldService", method: "GetAuditProof" },
        { service: "llm_shield.v1.ShieldService", method: "VerifyAudit" },
        { service: "llm_shield.v1.ShieldService", method: "GetServerInfo" },
      ],
      waitForReady: false,
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "0.05s",
        maxBackoff: "1s",
        backoffMultiplier: 4,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
};
