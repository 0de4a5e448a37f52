package io.github.llmshield.client;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;

/**
 * A channel that is replaced when the certificates change: what is open keeps the identity that it was opened with, and a
 * server refuses that once it has expired. Calls under way end on the old channel.
 */
final class RotatingChannel extends Channel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(RotatingChannel.class.getName());
  private static final long RECONNECT_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** The channel of one set of certificates, and how many calls are on it. */
  private static final class Lease {
    final ManagedChannel channel;
    int open;
    boolean retired;

    Lease(ManagedChannel channel) {
      this.channel = channel;
    }
  }

  private final String target;
  private final CertificateSource source;
  private final UnaryOperator<NettyChannelBuilder> settings;
  private final ScheduledExecutorService watcher;
  private final Object lock = new Object();
  private Certificates certificates;
  private Lease current;
  private boolean closed;
  private long reconnected = System.nanoTime();

  RotatingChannel(String target, CertificateSource source, UnaryOperator<NettyChannelBuilder> settings)
      throws IOException {
    this.target = target;
    this.source = source;
    this.settings = settings;
    this.certificates = source.load();
    this.current = new Lease(dial(certificates));
    this.watcher =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "llm-shield-certificates");
              thread.setDaemon(true);
              return thread;
            });
    long interval = source.reloadInterval().toMillis();
    watcher.scheduleWithFixedDelay(this::reloadOrKeep, interval, interval, TimeUnit.MILLISECONDS);
  }

  /** Looks at the certificates at once, and goes over to them if they have changed. */
  void reload() throws IOException {
    Certificates found = source.load();
    synchronized (lock) {
      if (closed || found.equals(certificates)) {
        return;
      }
      Lease old = current;
      current = new Lease(dial(found));
      certificates = found;
      old.retired = true;
      endIfUnused(old);
    }
  }

  private void reloadOrKeep() {
    try {
      reload();
    } catch (IOException | RuntimeException cause) {
      LOG.log(System.Logger.Level.WARNING, "certificates were not reloaded; those before stay in use", cause);
    }
  }

  @Override
  public <I, O> ClientCall<I, O> newCall(MethodDescriptor<I, O> method, CallOptions options) {
    Lease lease = acquire();
    AtomicBoolean held = new AtomicBoolean(true);
    Runnable release = () -> release(lease, held);
    return new SimpleForwardingClientCall<>(lease.channel.newCall(method, options)) {
      @Override
      public void start(Listener<O> listener, Metadata headers) {
        var releasing =
            new SimpleForwardingClientCallListener<O>(listener) {
              @Override
              public void onClose(Status status, Metadata trailers) {
                release.run();
                reconnectAfter(status, lease);
                super.onClose(status, trailers);
              }
            };
        try {
          super.start(releasing, headers);
        } catch (RuntimeException failure) {
          release.run();
          throw failure;
        }
      }
    };
  }

  @Override
  public String authority() {
    synchronized (lock) {
      return current.channel.authority();
    }
  }

  /** A restarted server is found again soon; gRPC alone would wait up to two minutes. */
  private void reconnectAfter(Status status, Lease lease) {
    if (status.getCode() != Status.Code.UNAVAILABLE) {
      return;
    }
    synchronized (lock) {
      long now = System.nanoTime();
      if (now - reconnected < RECONNECT_NANOS) {
        return;
      }
      reconnected = now;
    }
    lease.channel.resetConnectBackoff();
  }

  private Lease acquire() {
    synchronized (lock) {
      current.open++;
      return current;
    }
  }

  private void release(Lease lease, AtomicBoolean held) {
    synchronized (lock) {
      if (held.getAndSet(false)) {
        lease.open--;
        endIfUnused(lease);
      }
    }
  }

  private void endIfUnused(Lease lease) {
    if (lease.retired && lease.open == 0) {
      lease.channel.shutdown();
    }
  }

  /** Lets calls under way end; those that begin fail. */
  @Override
  public void close() {
    watcher.shutdownNow();
    synchronized (lock) {
      closed = true;
      current.channel.shutdown();
    }
  }

  private ManagedChannel dial(Certificates certificates) throws IOException {
    KeyCheck.belongTogether(certificates);
    SslContext tls;
    try {
      tls =
          GrpcSslContexts.forClient()
              .trustManager(stream(certificates.authorities()))
              .keyManager(stream(certificates.chain()), stream(certificates.key()))
              .protocols("TLSv1.3")
              .build();
    } catch (IllegalArgumentException cause) {
      throw new IOException("the certificates cannot be used", cause);
    }
    NettyChannelBuilder builder =
        NettyChannelBuilder.forTarget(target)
            .sslContext(tls)
            .defaultServiceConfig(serviceConfig())
            .disableServiceConfigLookUp()
            .enableRetry()
            .keepAliveTime(30, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            // A redacted text may be longer than what was sent.
            .maxInboundMessageSize(16 << 20)
            .userAgent("llm-shield-java");
    return settings.apply(builder).build();
  }

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  /** What is retried, and how: the service config that all clients publish. */
  private static Map<String, ?> serviceConfig() {
    try (InputStream json = RotatingChannel.class.getResourceAsStream("service-config.json")) {
      if (json == null) {
        throw new IllegalStateException("service-config.json is not in the package");
      }
      var reader = new InputStreamReader(json, StandardCharsets.UTF_8);
      return new Gson().fromJson(reader, new TypeToken<Map<String, Object>>() {});
    } catch (IOException cause) {
      throw new UncheckedIOException(cause);
    }
  }
}
