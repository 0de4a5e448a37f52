package io.github.llmshield.client;

import java.time.Duration;

/**
 * The deadlines of calls that have none of their own.
 *
 * @param scan of a Scan
 * @param redact of a Redact
 * @param audit of a whole query of the audit log, from its first record to its last
 * @param other of other calls, but for the streams of text: they last as long as the model has something to say
 */
public record Timeouts(Duration scan, Duration redact, Duration audit, Duration other) {
  /** Those of a client that is not told otherwise: 250 ms, 500 ms, 5 s and 5 s. */
  public static final Timeouts DEFAULT =
      new Timeouts(Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(5), Duration.ofSeconds(5));

  /**
   * The same for all calls.
   *
   * @param timeout the deadline
   * @return the timeouts
   */
  public static Timeouts all(Duration timeout) {
    return new Timeouts(timeout, timeout, timeout, timeout);
  }
}
