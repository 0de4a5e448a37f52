package io.github.llmshield.client;

import io.grpc.ClientInterceptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** Makes a {@link ShieldClient}. */
public final class ShieldClientBuilder {
  private final String target;
  private final CertificateSource certificates;
  private final OnUnavailable onUnavailable;
  private final List<ClientInterceptor> interceptors = new ArrayList<>();
  private Timeouts timeouts = Timeouts.DEFAULT;
  private UnaryOperator<NettyChannelBuilder> settings = UnaryOperator.identity();

  ShieldClientBuilder(String target, CertificateSource certificates, OnUnavailable onUnavailable) {
    this.target = Objects.requireNonNull(target, "a target is needed");
    this.certificates = Objects.requireNonNull(certificates, "certificates are needed");
    this.onUnavailable = Objects.requireNonNull(onUnavailable, "onUnavailable has no default: say BLOCK or ALLOW");
  }

  /**
   * Sets the deadlines of calls.
   *
   * @param timeouts the deadlines
   * @return this builder
   */
  public ShieldClientBuilder timeouts(Timeouts timeouts) {
    this.timeouts = timeouts;
    return this;
  }

  /**
   * Sets the name that the server's certificate must be for, where that is not the target's host.
   *
   * @param name the name
   * @return this builder
   */
  public ShieldClientBuilder serverName(String name) {
    return channel(channel -> channel.overrideAuthority(name));
  }

  /**
   * Adds an interceptor, called in the order of adding.
   *
   * @param interceptor the interceptor
   * @return this builder
   */
  public ShieldClientBuilder intercept(ClientInterceptor interceptor) {
    interceptors.add(interceptor);
    return this;
  }

  /**
   * Changes what gRPC's channel is like; applied last.
   *
   * @param change the change
   * @return this builder
   */
  public ShieldClientBuilder channel(UnaryOperator<NettyChannelBuilder> change) {
    UnaryOperator<NettyChannelBuilder> before = settings;
    settings = builder -> change.apply(before.apply(builder));
    return this;
  }

  /**
   * Reads the certificates and makes the client, which connects when the first call is made.
   *
   * @return the client
   * @throws IOException when the certificates cannot be used
   */
  public ShieldClient build() throws IOException {
    RotatingChannel channel = new RotatingChannel(target, certificates, settings);
    Calls calls = new Calls(channel, List.copyOf(interceptors), null, null, "");
    return new ShieldClient(calls, onUnavailable, timeouts);
  }
}
