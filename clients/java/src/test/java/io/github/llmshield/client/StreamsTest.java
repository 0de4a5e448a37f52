package io.github.llmshield.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.llmshield.v1.Action;
import io.github.llmshield.v1.AuditRequest;
import io.github.llmshield.v1.AuditResponse;
import io.github.llmshield.v1.Content;
import io.github.llmshield.v1.Finding;
import io.github.llmshield.v1.ScanStreamResponse;
import io.github.llmshield.v1.Span;
import io.github.llmshield.v1.StreamConfig;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamsTest {
  @TempDir Path base;
  private Scripted server;
  private ShieldClient client;

  @BeforeEach
  void start() throws IOException {
    Authority authority = new Authority(base);
    server = new Scripted(authority);
    client =
        ShieldClient.builder(
                server.address(), CertificateSource.directory(authority.directory()), OnUnavailable.ALLOW)
            .serverName("localhost")
            .timeouts(Scripted.PATIENT)
            .build();
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
  }

  @Test
  void textStreamsInPieces() {
    long released = 0;
    Action action = null;
    for (ScanStreamResponse answer :
        client.scanStream(StreamConfig.getDefaultInstance(), List.of("ab", "", "🚀", "x".repeat(3 << 20)))) {
      released = Math.max(released, answer.getReleasedBytes());
      action = answer.hasSummary() ? answer.getSummary().getAction() : null;
    }
    assertEquals(6 + (3 << 20), released);
    assertEquals(Action.ACTION_ALLOW, action);
  }

  @Test
  void textStreamIsNotRetriedAndItsErrorIsThrown() {
    var stream = client.scanStream(StreamConfig.newBuilder().setPolicy("away").build(), List.of("a"));
    ShieldException error = assertThrows(ShieldException.class, stream::hasNext);
    assertEquals(Status.Code.UNAVAILABLE, error.code());
    assertFalse(error.requestId().isEmpty());
    assertEquals(1, server.calls.get());
    assertFalse(stream.hasNext());
  }

  @Test
  void textThatFailsEndsTheStream() {
    Iterable<String> broken =
        () ->
            Stream.of("a", "b")
                .peek(
                    piece -> {
                      if (piece.equals("b")) {
                        throw new IllegalStateException("the model broke off");
                      }
                    })
                .iterator();
    var stream = client.scanStream(StreamConfig.getDefaultInstance(), broken);
    ShieldException error = assertThrows(ShieldException.class, () -> stream.forEachRemaining(answer -> {}));
    assertEquals(Status.Code.CANCELLED, error.code());
  }

  @Test
  void closedStreamEndsTheCall() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    server.audit =
        answer -> {
          answer.setOnCancelHandler(cancelled::countDown);
          answer.onNext(AuditResponse.getDefaultInstance());
        };
    try (var stream = client.audit(AuditRequest.getDefaultInstance())) {
      assertTrue(stream.hasNext());
    }
    cancelled.await();
  }

  @Test
  void piecesAreReadNoFurtherThanTheStream() throws Exception {
    CountDownLatch stopped = new CountDownLatch(1);
    Iterable<String> endless =
        () ->
            new Iterator<>() {
              @Override
              public boolean hasNext() {
                return true;
              }

              @Override
              public String next() {
                return "piece";
              }
            };
    try (var stream = client.scanStream(StreamConfig.getDefaultInstance(), endless)) {
      assertTrue(stream.hasNext());
    }
    while (Thread.getAllStackTraces().keySet().stream().anyMatch(t -> t.getName().equals("llm-shield-pieces"))) {
      assertFalse(stopped.await(10, java.util.concurrent.TimeUnit.MILLISECONDS));
    }
  }

  @Test
  void slicesAreInUtf16Units() {
    String text = "🚀 hé!";
    assertEquals("🚀", Texts.slice(text, span(0, 2)));
    assertEquals("hé!", Texts.slice(text, span(3, 6)));
    assertEquals("", Texts.slice(text, span(6, 6)));
    for (Span wrong : List.of(span(3, 2), span(0, 7), span(-1, 2), span(0, 1L << 32))) {
      assertThrows(IndexOutOfBoundsException.class, () -> Texts.slice(text, wrong));
    }
    List<Content> contents = List.of(Texts.user("a"), Content.newBuilder().setId("b").setText("bc").build());
    assertEquals("a", Texts.slice(contents, finding("0")));
    assertEquals("b", Texts.slice(contents, finding("b")));
    assertThrows(IndexOutOfBoundsException.class, () -> Texts.slice(contents, finding("1")));
  }

  private static Span span(long start, long end) {
    return Span.newBuilder().setStartUtf16(start).setEndUtf16(end).build();
  }

  private static Finding finding(String content) {
    return Finding.newBuilder().setContentId(content).setSpan(span(0, 1)).build();
  }
}
