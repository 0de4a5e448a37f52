package io.github.llmshield.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A call that failed, with what the server said about it. Decide by the reason; the message is for people. */
public final class ShieldException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * A field of a request that breaks a rule.
   *
   * @param field its path
   * @param description the rule
   */
  public record FieldViolation(String field, String description) {}

  /**
   * A quota that is used up.
   *
   * @param subject {@code server}, or {@code tenant:} and the tenant's name
   * @param description which quota it is
   */
  public record QuotaViolation(String subject, String description) {}

  private final Status.Code code;
  private final String requestId;
  private String reason = "";
  private String resource = "";
  private transient Map<String, String> metadata = Map.of();
  private final transient List<FieldViolation> fieldViolations = new ArrayList<>();
  private final transient List<QuotaViolation> quotaViolations = new ArrayList<>();
  private Duration retryDelay = Duration.ZERO;

  ShieldException(Throwable cause, String requestId) {
    super(messageOf(Status.fromThrowable(cause)), cause);
    this.code = Status.fromThrowable(cause).getCode();
    this.requestId = requestId;
    com.google.rpc.Status status = StatusProto.fromThrowable(cause);
    if (status != null) {
      status.getDetailsList().forEach(this::take);
    }
  }

  private static String messageOf(Status status) {
    return status.getDescription() == null ? status.getCode().toString() : status.getDescription();
  }

  private void take(Any detail) {
    try {
      if (detail.is(ErrorInfo.class)) {
        ErrorInfo info = detail.unpack(ErrorInfo.class);
        reason = info.getReason();
        metadata = info.getMetadataMap();
      } else if (detail.is(BadRequest.class)) {
        for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
          fieldViolations.add(new FieldViolation(violation.getField(), violation.getDescription()));
        }
      } else if (detail.is(QuotaFailure.class)) {
        for (var violation : detail.unpack(QuotaFailure.class).getViolationsList()) {
          quotaViolations.add(new QuotaViolation(violation.getSubject(), violation.getDescription()));
        }
      } else if (detail.is(RetryInfo.class)) {
        var delay = detail.unpack(RetryInfo.class).getRetryDelay();
        retryDelay = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
      } else if (detail.is(ResourceInfo.class)) {
        resource = detail.unpack(ResourceInfo.class).getResourceName();
      }
    } catch (InvalidProtocolBufferException ignored) {
      // Whoever wrote it: code and message still hold.
    }
  }

  /**
   * Whether there was no decision for want of a server that could make one in time, rather than for something about the
   * request or its caller.
   *
   * @return whether the service was unavailable
   */
  public boolean unavailable() {
    return switch (code) {
      case UNAVAILABLE, DEADLINE_EXCEEDED -> true;
      // Overload and quotas say when to come back. A message that is too large never gets better, and must not pass for
      // its size.
      case RESOURCE_EXHAUSTED -> !retryDelay.isZero();
      default -> false;
    };
  }

  /**
   * The code of gRPC.
   *
   * @return the code
   */
  public Status.Code code() {
    return code;
  }

  /**
   * The stable name of what went wrong, such as {@code POLICY_NOT_FOUND}.
   *
   * @return the reason, empty when no server answered
   */
  public String reason() {
    return reason;
  }

  /**
   * The parts of the message that vary.
   *
   * @return them, by name
   */
  public Map<String, String> metadata() {
    return metadata == null ? Map.of() : metadata;
  }

  /**
   * The fields that break a rule.
   *
   * @return them, in order
   */
  public List<FieldViolation> fieldViolations() {
    return fieldViolations == null ? List.of() : List.copyOf(fieldViolations);
  }

  /**
   * The quotas that are used up.
   *
   * @return them
   */
  public List<QuotaViolation> quotaViolations() {
    return quotaViolations == null ? List.of() : List.copyOf(quotaViolations);
  }

  /**
   * The name of what was not found.
   *
   * @return the name, empty when that is not the matter
   */
  public String resource() {
    return resource;
  }

  /**
   * How long the server asks to wait.
   *
   * @return the delay, zero when it does not say
   */
  public Duration retryDelay() {
    return retryDelay;
  }

  /**
   * The id under which the server's log has the call.
   *
   * @return the id
   */
  public String requestId() {
    return requestId;
  }
}
