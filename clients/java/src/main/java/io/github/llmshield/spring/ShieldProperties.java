package io.github.llmshield.spring;

import io.github.llmshield.client.OnUnavailable;
import java.nio.file.Path;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;

/**
 * The properties {@code llm-shield.*}.
 *
 * @param target a gRPC name such as {@code shield.internal:8443}; without it there is no client
 * @param certificates the directory of {@code ca.crt}, {@code tls.crt} and {@code tls.key}
 * @param onUnavailable what a decision is when the server gives none: {@code block} or {@code allow}; has no default
 * @param serverName the name that the server's certificate must be for, where that is not the target's host
 * @param scanTimeout the deadline of a Scan, 250 ms
 * @param redactTimeout the deadline of a Redact, 500 ms
 */
@ConfigurationProperties("llm-shield")
public record ShieldProperties(
    String target,
    Path certificates,
    OnUnavailable onUnavailable,
    String serverName,
    Duration scanTimeout,
    Duration redactTimeout) {}
