package io.github.llmshield.client;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Calls with what all have: a deadline, a request id, the trace context. All attempts of a call have the same id, and so
 * do their audit records.
 */
record Calls(
    RotatingChannel channel,
    List<ClientInterceptor> interceptors,
    String requestId,
    String traceparent,
    String tracestate) {
  private static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);
  /** Pieces of text are cut to this size, well below what a server accepts as one message. */
  private static final int MAX_PIECE_BYTES = 1 << 20;

  Calls withRequestId(String requestId) {
    return new Calls(channel, interceptors, requestId, traceparent, tracestate);
  }

  Calls withTraceContext(String traceparent, String tracestate) {
    return new Calls(channel, interceptors, requestId, traceparent, tracestate);
  }

  /** A channel for one call, and the call's request id. */
  private record Prepared(Channel channel, String requestId) {}

  private Prepared prepare() {
    String id = requestId == null ? UUID.randomUUID().toString() : requestId;
    Metadata headers = new Metadata();
    headers.put(REQUEST_ID, id);
    if (traceparent == null) {
      TraceContext.addTo(headers);
    } else {
      headers.put(TraceContext.TRACEPARENT, traceparent);
      if (!tracestate.isEmpty()) {
        headers.put(TraceContext.TRACESTATE, tracestate);
      }
    }
    Channel inner = ClientInterceptors.interceptForward(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
    return new Prepared(ClientInterceptors.interceptForward(inner, interceptors), id);
  }

  <I, O> CompletableFuture<O> unary(MethodDescriptor<I, O> method, I request, Duration timeout) {
    Prepared prepared = prepare();
    CompletableFuture<O> answer = new CompletableFuture<>();
    ClientCall<I, O> call = prepared.channel().newCall(method, within(timeout));
    ClientCalls.asyncUnaryCall(
        call,
        request,
        new StreamObserver<O>() {
          @Override
          public void onNext(O response) {
            answer.complete(response);
          }

          @Override
          public void onError(Throwable failure) {
            answer.completeExceptionally(new ShieldException(failure, prepared.requestId()));
          }

          @Override
          public void onCompleted() {}
        });
    cancelWith(answer, () -> call.cancel("the future was cancelled", null));
    return answer;
  }

  <I, O> ResultStream<O> serverStream(MethodDescriptor<I, O> method, I request, Duration timeout) {
    Prepared prepared = prepare();
    var call = ClientCalls.blockingV2ServerStreamingCall(prepared.channel(), method, within(timeout), request);
    return new ResultStream<>(call, prepared.requestId());
  }

  <I, O> ResultStream<O> bidiStream(
      MethodDescriptor<I, O> method, I opening, Iterable<String> pieces, Function<ByteString, I> message) {
    Prepared prepared = prepare();
    BlockingClientCall<I, O> call =
        ClientCalls.blockingBidiStreamingCall(prepared.channel(), method, CallOptions.DEFAULT);
    Thread sender = new Thread(() -> send(call, opening, pieces, message), "llm-shield-pieces");
    sender.setDaemon(true);
    sender.start();
    return new ResultStream<>(call, prepared.requestId());
  }

  /** An error of the call is left to the receiving side, which has its cause; a text that fails ends the call. */
  private static <I> void send(
      BlockingClientCall<I, ?> call, I opening, Iterable<String> pieces, Function<ByteString, I> message) {
    try {
      call.write(opening);
      for (String piece : pieces) {
        ByteString bytes = ByteString.copyFromUtf8(piece);
        for (int at = 0; at < bytes.size(); at += MAX_PIECE_BYTES) {
          int end = Math.min(at + MAX_PIECE_BYTES, bytes.size());
          if (!call.write(message.apply(bytes.substring(at, end)))) {
            return;
          }
        }
      }
      call.halfClose();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      call.cancel("the sending thread was interrupted", interrupted);
    } catch (StatusException | RuntimeException failure) {
      call.cancel("the text could not be sent to its end", failure);
    }
  }

  private static CallOptions within(Duration timeout) {
    return CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Runs something when a future is cancelled by whoever waits for it. */
  static void cancelWith(CompletableFuture<?> future, Runnable cancel) {
    future.whenComplete(
        (ignored, failure) -> {
          if (failure instanceof CancellationException) {
            cancel.run();
          }
        });
  }

  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException interrupted) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw new ShieldException(interrupted(interrupted), "");
    } catch (ExecutionException failure) {
      if (failure.getCause() instanceof ShieldException known) {
        // With the stack of the caller: that of the network's thread says nothing.
        known.setStackTrace(Thread.currentThread().getStackTrace());
        throw known;
      }
      throw new ShieldException(failure.getCause(), "");
    }
  }

  static Throwable interrupted(InterruptedException cause) {
    return Status.CANCELLED.withDescription("the waiting thread was interrupted").withCause(cause).asException();
  }
}
