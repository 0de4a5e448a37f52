package io.github.llmshield.client;

import io.github.llmshield.v1.Action;
import io.github.llmshield.v1.AuditRequest;
import io.github.llmshield.v1.AuditResponse;
import io.github.llmshield.v1.RedactRequest;
import io.github.llmshield.v1.RedactResponse;
import io.github.llmshield.v1.ScanRequest;
import io.github.llmshield.v1.ScanResponse;
import io.github.llmshield.v1.ScanStreamRequest;
import io.github.llmshield.v1.ScanStreamResponse;
import io.github.llmshield.v1.ShieldServiceGrpc;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsServerCredentials;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A server that does as a test says. What the real one does is for the conformance suite. */
final class Scripted extends ShieldServiceGrpc.ShieldServiceImplBase implements AutoCloseable {
  static final Context.Key<Metadata> HEADERS = Context.key("headers");
  static final Timeouts PATIENT = Timeouts.all(Duration.ofSeconds(30));

  final AtomicInteger calls = new AtomicInteger();
  /** What a Scan and a Redact fail with, or null. */
  Supplier<StatusRuntimeException> outcome = () -> null;

  Consumer<ServerCallStreamObserver<AuditResponse>> audit = StreamObserver::onCompleted;
  private final Server server;

  /** Runs a server that demands certificates of the authority. */
  Scripted(Authority authority) throws IOException {
    Path files = authority.directory();
    var credentials =
        TlsServerCredentials.newBuilder()
            .keyManager(files.resolve("tls.crt").toFile(), files.resolve("tls.key").toFile())
            .trustManager(files.resolve("ca.crt").toFile())
            .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
            .build();
    server = Grpc.newServerBuilderForPort(0, credentials).addService(this).intercept(new Headers()).build().start();
  }

  String address() {
    return "127.0.0.1:" + server.getPort();
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  @Override
  public void scan(ScanRequest request, StreamObserver<ScanResponse> answer) {
    calls.incrementAndGet();
    StatusRuntimeException failure = outcome.get();
    if (failure != null) {
      answer.onError(failure);
      return;
    }
    answer.onNext(ScanResponse.newBuilder().setAction(Action.ACTION_ALLOW).build());
    answer.onCompleted();
  }

  @Override
  public void redact(RedactRequest request, StreamObserver<RedactResponse> answer) {
    StatusRuntimeException failure = outcome.get();
    if (failure != null) {
      answer.onError(failure);
      return;
    }
    answer.onNext(RedactResponse.newBuilder().setAction(Action.ACTION_REDACT).build());
    answer.onCompleted();
  }

  @Override
  public void audit(AuditRequest request, StreamObserver<AuditResponse> answer) {
    audit.accept((ServerCallStreamObserver<AuditResponse>) answer);
  }

  /** Releases each piece, and ends with a decision. */
  @Override
  public StreamObserver<ScanStreamRequest> scanStream(StreamObserver<ScanStreamResponse> answer) {
    calls.incrementAndGet();
    return new StreamObserver<>() {
      private long released;

      @Override
      public void onNext(ScanStreamRequest request) {
        if (request.getConfig().getPolicy().equals("away")) {
          answer.onError(Status.UNAVAILABLE.withDescription("away").asException());
        } else if (!request.getDelta().isEmpty()) {
          released += request.getDelta().size();
          answer.onNext(ScanStreamResponse.newBuilder().setReleasedBytes(released).build());
        }
      }

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {
        var summary = ScanResponse.newBuilder().setAction(Action.ACTION_ALLOW);
        answer.onNext(ScanStreamResponse.newBuilder().setSummary(summary).build());
        answer.onCompleted();
      }
    };
  }

  private static final class Headers implements ServerInterceptor {
    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
        ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
      return Contexts.interceptCall(Context.current().withValue(HEADERS, headers), call, headers, next);
    }
  }
}
