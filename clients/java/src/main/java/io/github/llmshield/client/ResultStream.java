package io.github.llmshield.client;

import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * What a stream of the server brings, once. Closing it ends the call, and so does its end. Each method may throw {@link
 * ShieldException}. Not for more than one thread.
 *
 * @param <T> the messages
 */
public final class ResultStream<T> implements Iterable<T>, Iterator<T>, AutoCloseable {
  private final BlockingClientCall<?, T> call;
  private final String requestId;
  private T next;
  private boolean ended;

  ResultStream(BlockingClientCall<?, T> call, String requestId) {
    this.call = call;
    this.requestId = requestId;
  }

  @Override
  public Iterator<T> iterator() {
    return this;
  }

  /**
   * The same as a stream, which closes the call when it is closed.
   *
   * @return the stream
   */
  public Stream<T> stream() {
    int traits = Spliterator.ORDERED | Spliterator.NONNULL;
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, traits), false).onClose(this::close);
  }

  @Override
  public boolean hasNext() {
    if (next == null && !ended) {
      try {
        next = call.read();
        ended = next == null;
      } catch (StatusException failure) {
        ended = true;
        throw new ShieldException(failure, requestId);
      } catch (InterruptedException interrupted) {
        close();
        Thread.currentThread().interrupt();
        throw new ShieldException(Calls.interrupted(interrupted), requestId);
      }
    }
    return next != null;
  }

  @Override
  public T next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    T message = next;
    next = null;
    return message;
  }

  @Override
  public void close() {
    if (!ended) {
      ended = true;
      next = null;
      call.cancel("the stream was closed", null);
    }
  }
}
