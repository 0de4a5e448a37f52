package io.github.llmshield.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.github.llmshield.v1.Action;
import io.github.llmshield.v1.AuditRequest;
import io.github.llmshield.v1.AuditResponse;
import io.github.llmshield.v1.ScanRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.NameResolverRegistry;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShieldClientTest {
  @TempDir Path base;
  private Authority authority;
  private Scripted server;
  private Path files;

  @BeforeEach
  void start() throws IOException {
    authority = new Authority(base);
    server = new Scripted(authority);
    files = authority.directory();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private ShieldClientBuilder builder(OnUnavailable choice) {
    return ShieldClient.builder(server.address(), CertificateSource.directory(files), choice)
        .serverName("localhost")
        .timeouts(Scripted.PATIENT);
  }

  @Test
  void onUnavailableHasNoDefault() {
    assertThrows(NullPointerException.class, () -> builder(null));
  }

  @Test
  void callsHaveTheirDeadline() throws Exception {
    AtomicReference<Long> left = new AtomicReference<>();
    server.outcome =
        () -> {
          left.set(Context.current().getDeadline().timeRemaining(TimeUnit.HOURS));
          return null;
        };
    var hours = java.time.Duration.ofHours(10);
    Timeouts timeouts = new Timeouts(hours, hours.multipliedBy(2), hours, hours);
    try (ShieldClient client = builder(OnUnavailable.BLOCK).timeouts(timeouts).build()) {
      client.scan("a");
      assertEquals(9, left.get());
      client.redact("a");
      assertEquals(19, left.get());
      client.withTimeout(hours.multipliedBy(3)).scan("a");
      assertEquals(29, left.get());
    }
    var ms = java.time.Duration.ofMillis(250);
    assertEquals(new Timeouts(ms, ms.multipliedBy(2), ms.multipliedBy(20), ms.multipliedBy(20)), Timeouts.DEFAULT);
  }

  @Test
  void attemptsShareRequestIdAndTrace() throws Exception {
    List<Metadata> seen = new ArrayList<>();
    server.outcome =
        () -> {
          seen.add(Scripted.HEADERS.get());
          return seen.size() < 3 ? Status.UNAVAILABLE.asRuntimeException() : null;
        };
    SpanContext span =
        SpanContext.create("01".repeat(16), "02".repeat(8), TraceFlags.getSampled(), TraceState.getDefault());
    try (ShieldClient client = builder(OnUnavailable.BLOCK).build()) {
      try (var scope = Span.wrap(span).makeCurrent()) {
        assertTrue(client.scan("a").unavailable().isEmpty(), scope::toString);
      }
      assertEquals(3, seen.size());
      for (Metadata headers : seen) {
        assertEquals("00-" + "01".repeat(16) + "-" + "02".repeat(8) + "-01", header(headers, "traceparent"));
        assertEquals(header(seen.get(0), "x-request-id"), header(headers, "x-request-id"));
      }
      client.withRequestId("mine").withTraceContext("00-ab-cd-00", "a=b").scan("a");
      Metadata last = seen.get(seen.size() - 1);
      assertEquals("mine", header(last, "x-request-id"));
      assertEquals("00-ab-cd-00", header(last, "traceparent"));
      assertEquals("a=b", header(last, "tracestate"));
      client.scan("a");
      assertNull(header(seen.get(seen.size() - 1), "traceparent"));
    }
  }

  private static String header(Metadata headers, String name) {
    return headers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
  }

  @Test
  void errorsHaveTheirDetails() throws Exception {
    var status =
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
            .setMessage("used up")
            .addDetails(Any.pack(ErrorInfo.newBuilder().setReason("QUOTA_EXCEEDED").putMetadata("limit", "1").build()))
            .addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(Duration.newBuilder().setSeconds(1)).build()))
            .addDetails(
                Any.pack(
                    QuotaFailure.newBuilder()
                        .addViolations(QuotaFailure.Violation.newBuilder().setSubject("tenant:a"))
                        .build()))
            .addDetails(
                Any.pack(
                    BadRequest.newBuilder()
                        .addFieldViolations(BadRequest.FieldViolation.newBuilder().setField("policy"))
                        .build()))
            .addDetails(Any.pack(ResourceInfo.newBuilder().setResourceName("p").build()))
            .build();
    server.outcome = () -> StatusProto.toStatusRuntimeException(status);
    try (ShieldClient client = builder(OnUnavailable.ALLOW).build()) {
      ScanDecision decision = client.withRequestId("r-1").scan("a");
      assertFalse(decision.blocked());
      assertTrue(decision.response().getDegraded());
      ShieldException error = decision.unavailable().orElseThrow();
      assertEquals("QUOTA_EXCEEDED", error.reason());
      assertEquals("1", error.metadata().get("limit"));
      assertEquals(1, error.retryDelay().toSeconds());
      assertEquals("tenant:a", error.quotaViolations().get(0).subject());
      assertEquals("policy", error.fieldViolations().get(0).field());
      assertEquals("p", error.resource());
      assertEquals("r-1", error.requestId());
      assertEquals("used up", error.getMessage());
    }
  }

  @Test
  void otherErrorsAreThrownWhateverTheChoice() throws Exception {
    server.outcome = Status.PERMISSION_DENIED::asRuntimeException;
    try (ShieldClient client = builder(OnUnavailable.ALLOW).build()) {
      var error = assertThrows(ShieldException.class, () -> client.scan("a"));
      assertEquals(Status.Code.PERMISSION_DENIED, error.code());
      assertTrue(error.getStackTrace()[1].getClassName().startsWith("io.github.llmshield.client"));
      var request = ScanRequest.getDefaultInstance();
      var late = assertThrows(java.util.concurrent.ExecutionException.class, () -> client.scanAsync(request).get());
      assertEquals(ShieldException.class, late.getCause().getClass());
    }
  }

  @Test
  void cancelledFutureCancelsTheCall() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch cancelled = new CountDownLatch(1);
    server.outcome =
        () -> {
          Context.current().addListener(context -> cancelled.countDown(), Runnable::run);
          begun.countDown();
          try {
            cancelled.await();
          } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
          }
          return null;
        };
    try (ShieldClient client = builder(OnUnavailable.ALLOW).build()) {
      var future = client.scanAsync(ScanRequest.getDefaultInstance());
      begun.await();
      future.cancel(true);
      cancelled.await();
      assertTrue(future.isCancelled());
    }
  }

  @Test
  void interceptorsAreCalled() throws Exception {
    List<String> methods = new ArrayList<>();
    ClientInterceptor noting =
        new ClientInterceptor() {
          @Override
          public <I, O> ClientCall<I, O> interceptCall(MethodDescriptor<I, O> method, CallOptions options, Channel next) {
            methods.add(method.getBareMethodName());
            return next.newCall(method, options);
          }
        };
    try (ShieldClient client = builder(OnUnavailable.BLOCK).intercept(noting).build()) {
      client.scan("a");
    }
    assertEquals(List.of("Scan"), methods);
  }

  @Test
  void unusableCertificatesAreNotTaken() throws Exception {
    try (ShieldClient client = builder(OnUnavailable.BLOCK).build()) {
      String other = Files.readString(authority.directory().resolve("tls.key"));
      Files.writeString(files.resolve("tls.key"), other);
      assertThrows(IOException.class, client::reload);
      assertTrue(client.scan("a").unavailable().isEmpty());
      assertThrows(IOException.class, () -> builder(OnUnavailable.BLOCK).build());
      assertFalse(new Certificates("ca", "cert", other).toString().contains("KEY"));
    }
  }

  @Test
  void openStreamOutlivesReload() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    server.audit =
        answer -> {
          answer.onNext(AuditResponse.newBuilder().setNextPageToken("1").build());
          try {
            goOn.await();
          } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
          }
          answer.onNext(AuditResponse.newBuilder().setNextPageToken("2").build());
          answer.onCompleted();
        };
    List<String> received = new ArrayList<>();
    try (ShieldClient client = builder(OnUnavailable.BLOCK).build()) {
      for (AuditResponse answer : client.audit(AuditRequest.getDefaultInstance())) {
        received.add(answer.getNextPageToken());
        if (received.size() == 1) {
          authority.directory(files);
          client.reload();
          assertEquals(Action.ACTION_ALLOW, client.scan("over the new connection").action());
          goOn.countDown();
        }
      }
    }
    assertEquals(List.of("1", "2"), received);
  }

  @Test
  void connectionsFollowTheName() throws Exception {
    try (Scripted second = new Scripted(authority)) {
      Names names = new Names();
      names.addresses = List.of(server.address(), second.address());
      NameResolverRegistry.getDefaultRegistry().register(names);
      try (ShieldClient client =
          ShieldClient.builder("names:///shield", CertificateSource.directory(files), OnUnavailable.BLOCK)
              .serverName("localhost")
              .timeouts(Scripted.PATIENT)
              .build()) {
        while (server.calls.get() == 0 || second.calls.get() == 0) {
          assertTrue(client.scan("a").unavailable().isEmpty());
        }
        names.addresses = List.of(second.address());
        // gRPC asks for the names again when a connection is lost.
        server.close();
        int before = second.calls.get();
        while (second.calls.get() < before + 10) {
          client.scan("a");
        }
      } finally {
        NameResolverRegistry.getDefaultRegistry().deregister(names);
      }
    }
  }

  /** A name service whose answer changes. */
  private static final class Names extends NameResolverProvider {
    volatile List<String> addresses = List.of();

    @Override
    protected boolean isAvailable() {
      return true;
    }

    @Override
    protected int priority() {
      return 5;
    }

    @Override
    public String getDefaultScheme() {
      return "names";
    }

    @Override
    public Collection<Class<? extends SocketAddress>> getProducedSocketAddressTypes() {
      return Set.of(InetSocketAddress.class);
    }

    @Override
    public NameResolver newNameResolver(URI target, NameResolver.Args args) {
      if (!"names".equals(target.getScheme())) {
        return null;
      }
      return new NameResolver() {
        private Listener2 listener;

        @Override
        public String getServiceAuthority() {
          return "localhost";
        }

        @Override
        public void start(Listener2 listener) {
          this.listener = listener;
          refresh();
        }

        @Override
        public void refresh() {
          List<io.grpc.EquivalentAddressGroup> groups = new ArrayList<>();
          for (String address : addresses) {
            int port = Integer.parseInt(address.substring(address.indexOf(':') + 1));
            groups.add(new io.grpc.EquivalentAddressGroup(new InetSocketAddress("127.0.0.1", port)));
          }
          var result = ResolutionResult.newBuilder().setAddressesOrError(io.grpc.StatusOr.fromValue(groups)).build();
          listener.onResult(result);
        }

        @Override
        public void shutdown() {}
      };
    }
  }
}
