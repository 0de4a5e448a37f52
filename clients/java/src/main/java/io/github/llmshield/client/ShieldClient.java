package io.github.llmshield.client;

import com.google.protobuf.ByteString;
import io.github.llmshield.v1.AuditRequest;
import io.github.llmshield.v1.AuditResponse;
import io.github.llmshield.v1.GetAuditProofRequest;
import io.github.llmshield.v1.GetAuditProofResponse;
import io.github.llmshield.v1.GetServerInfoRequest;
import io.github.llmshield.v1.GetServerInfoResponse;
import io.github.llmshield.v1.RedactRequest;
import io.github.llmshield.v1.RedactStreamRequest;
import io.github.llmshield.v1.RedactStreamResponse;
import io.github.llmshield.v1.RestoreRequest;
import io.github.llmshield.v1.RestoreResponse;
import io.github.llmshield.v1.ScanRequest;
import io.github.llmshield.v1.ScanStreamRequest;
import io.github.llmshield.v1.ScanStreamResponse;
import io.github.llmshield.v1.ShieldServiceGrpc;
import io.github.llmshield.v1.StreamConfig;
import io.github.llmshield.v1.VerifyAuditRequest;
import io.github.llmshield.v1.VerifyAuditResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Calls an llm-shield server; thread-safe. Close it when it is no longer needed.
 *
 * <pre>{@code
 * ShieldClient client = ShieldClient.builder("shield.internal:8443", CertificateSource.directory(path), OnUnavailable.BLOCK).build();
 * ScanDecision decision = client.scan(prompt);
 * if (decision.blocked()) { … }
 * }</pre>
 *
 * <p>A blocked text is an answer and no error. When no decision can be had, {@code scan} and {@code redact} answer by the
 * {@link OnUnavailable} that the client was made with, and the answer says so; every other failure is a {@link
 * ShieldException}, thrown, or in the future of the methods whose names end with {@code Async}.
 */
public final class ShieldClient implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ShieldClient.class.getName());
  private final Calls calls;
  private final OnUnavailable onUnavailable;
  private final Timeouts timeouts;

  ShieldClient(Calls calls, OnUnavailable onUnavailable, Timeouts timeouts) {
    this.calls = calls;
    this.onUnavailable = onUnavailable;
    this.timeouts = timeouts;
  }

  /**
   * Begins a client.
   *
   * @param target a gRPC name such as {@code shield.internal:8443}
   * @param certificates whence its certificates come
   * @param onUnavailable what a decision is when the server gives none
   * @return the builder
   */
  public static ShieldClientBuilder builder(
      String target, CertificateSource certificates, OnUnavailable onUnavailable) {
    return new ShieldClientBuilder(target, certificates, onUnavailable);
  }

  /**
   * The same client with another deadline for its calls; it needs no closing of its own.
   *
   * @param timeout the deadline of each call with its retries
   * @return the client
   */
  public ShieldClient withTimeout(Duration timeout) {
    return new ShieldClient(calls, onUnavailable, Timeouts.all(timeout));
  }

  /**
   * The same client whose calls have this request id instead of one of their own.
   *
   * @param requestId at most 128 visible ASCII characters
   * @return the client
   */
  public ShieldClient withRequestId(String requestId) {
    return new ShieldClient(calls.withRequestId(requestId), onUnavailable, timeouts);
  }

  /**
   * The same client whose calls carry a trace context that does not come from OpenTelemetry.
   *
   * @param traceparent as W3C writes it
   * @param tracestate as W3C writes it; may be empty
   * @return the client
   */
  public ShieldClient withTraceContext(String traceparent, String tracestate) {
    return new ShieldClient(calls.withTraceContext(traceparent, tracestate), onUnavailable, timeouts);
  }

  /**
   * Says what the policy asks for, and what was found.
   *
   * @param request the contents
   * @return the decision
   */
  public ScanDecision scan(ScanRequest request) {
    return Calls.await(scanAsync(request));
  }

  /**
   * Scans one text of the end user, on its way to the model.
   *
   * @param text the text
   * @return the decision
   */
  public ScanDecision scan(String text) {
    return scan(ScanRequest.newBuilder().addContents(Texts.user(text)).build());
  }

  /**
   * {@link #scan(ScanRequest)}, later.
   *
   * @param request the contents
   * @return the decision; cancelling it cancels the call
   */
  public CompletableFuture<ScanDecision> scanAsync(ScanRequest request) {
    return answered(
        calls.unary(ShieldServiceGrpc.getScanMethod(), request, timeouts.scan()),
        ScanDecision::of,
        failure -> ScanDecision.without(onUnavailable, failure));
  }

  /**
   * Returns the contents with what the policy names replaced.
   *
   * @param request the contents
   * @return them and the decision
   */
  public RedactDecision redact(RedactRequest request) {
    return Calls.await(redactAsync(request));
  }

  /**
   * Redacts one text of the end user, on its way to the model.
   *
   * @param text the text
   * @return it and the decision
   */
  public RedactDecision redact(String text) {
    return redact(RedactRequest.newBuilder().addContents(Texts.user(text)).build());
  }

  /**
   * {@link #redact(RedactRequest)}, later.
   *
   * @param request the contents
   * @return them and the decision; cancelling it cancels the call
   */
  public CompletableFuture<RedactDecision> redactAsync(RedactRequest request) {
    return answered(
        calls.unary(ShieldServiceGrpc.getRedactMethod(), request, timeouts.redact()),
        RedactDecision::of,
        failure -> RedactDecision.without(onUnavailable, request.getContentsList(), failure));
  }

  /**
   * Undoes a reversible redaction.
   *
   * @param request the redacted contents
   * @return the restored ones
   */
  public RestoreResponse restore(RestoreRequest request) {
    return Calls.await(restoreAsync(request));
  }

  /**
   * {@link #restore(RestoreRequest)}, later.
   *
   * @param request the redacted contents
   * @return the restored ones
   */
  public CompletableFuture<RestoreResponse> restoreAsync(RestoreRequest request) {
    return calls.unary(ShieldServiceGrpc.getRestoreMethod(), request, timeouts.other());
  }

  /**
   * Returns a Merkle inclusion or consistency proof of the audit log.
   *
   * @param request of what
   * @return the proof
   */
  public GetAuditProofResponse auditProof(GetAuditProofRequest request) {
    return Calls.await(calls.unary(ShieldServiceGrpc.getGetAuditProofMethod(), request, timeouts.other()));
  }

  /**
   * Says what the server is, and who the caller is to it.
   *
   * @return what it says
   */
  public GetServerInfoResponse serverInfo() {
    var request = GetServerInfoRequest.getDefaultInstance();
    return Calls.await(calls.unary(ShieldServiceGrpc.getGetServerInfoMethod(), request, timeouts.other()));
  }

  /**
   * Streams the decisions of the caller's tenant.
   *
   * @param request which ones
   * @return the records; to be closed unless it is read to its end
   */
  public ResultStream<AuditResponse> audit(AuditRequest request) {
    return calls.serverStream(ShieldServiceGrpc.getAuditMethod(), request, timeouts.audit());
  }

  /**
   * Checks the log of the caller's tenant.
   *
   * @param request which part of it
   * @return how far it has come; the last message has the result
   */
  public ResultStream<VerifyAuditResponse> verifyAudit(VerifyAuditRequest request) {
    return calls.serverStream(ShieldServiceGrpc.getVerifyAuditMethod(), request, timeouts.other());
  }

  /**
   * Scans a text that arrives in pieces, such as what a model writes. There is no retry and no deadline, and {@link
   * OnUnavailable} is not applied: what was not released before an error must be held back, or let go, by the caller.
   *
   * @param config whose text it is
   * @param pieces the text; read in a thread of its own until the stream is closed
   * @return findings, how much of the text may be passed on, and at the end the decision
   */
  public ResultStream<ScanStreamResponse> scanStream(StreamConfig config, Iterable<String> pieces) {
    return calls.bidiStream(
        ShieldServiceGrpc.getScanStreamMethod(),
        ScanStreamRequest.newBuilder().setConfig(config).build(),
        pieces,
        (ByteString piece) -> ScanStreamRequest.newBuilder().setDelta(piece).build());
  }

  /**
   * Redacts a text that arrives in pieces; for the rest it is as {@link #scanStream}.
   *
   * @param config whose text it is
   * @param pieces the text
   * @return pieces of the redacted text, and at the end the decision
   */
  public ResultStream<RedactStreamResponse> redactStream(StreamConfig config, Iterable<String> pieces) {
    return calls.bidiStream(
        ShieldServiceGrpc.getRedactStreamMethod(),
        RedactStreamRequest.newBuilder().setConfig(config).build(),
        pieces,
        (ByteString piece) -> RedactStreamRequest.newBuilder().setDelta(piece).build());
  }

  /**
   * Looks at the certificates at once. Those that cannot be used leave the ones before in force.
   *
   * @throws IOException when they cannot be used
   */
  public void reload() throws IOException {
    calls.channel().reload();
  }

  /** Lets calls under way end; those that begin then fail. */
  @Override
  public void close() {
    calls.channel().close();
  }

  private static <O, D> CompletableFuture<D> answered(
      CompletableFuture<O> call, Function<O, D> decision, Function<ShieldException, D> otherwise) {
    CompletableFuture<D> answer = new CompletableFuture<>();
    call.whenComplete(
        (response, failure) -> {
          if (failure == null) {
            answer.complete(decision.apply(response));
          } else if (failure instanceof ShieldException known && known.unavailable()) {
            LOG.log(System.Logger.Level.WARNING, "no decision could be had: {0}", known.getMessage());
            answer.complete(otherwise.apply(known));
          } else {
            answer.completeExceptionally(failure);
          }
        });
    Calls.cancelWith(answer, () -> call.cancel(true));
    return answer;
  }}
