package io.github.llmshield.client;

import io.grpc.Metadata;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;

/** The trace context of W3C, of the current span where OpenTelemetry is there. */
final class TraceContext {
  static final Metadata.Key<String> TRACEPARENT = Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER);
  static final Metadata.Key<String> TRACESTATE = Metadata.Key.of("tracestate", Metadata.ASCII_STRING_MARSHALLER);
  private static final boolean PRESENT = present();

  private TraceContext() {}

  static void addTo(Metadata headers) {
    if (PRESENT) {
      OpenTelemetry.addTo(headers);
    }
  }

  private static boolean present() {
    try {
      Class.forName("io.opentelemetry.api.trace.Span", false, TraceContext.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException absent) {
      return false;
    }
  }

  /** Loaded only where OpenTelemetry is. */
  private static final class OpenTelemetry {
    static void addTo(Metadata headers) {
      if (!Span.current().getSpanContext().isValid()) {
        return;
      }
      W3CTraceContextPropagator.getInstance()
          .inject(
              Context.current(),
              headers,
              (carrier, key, value) -> {
                if (carrier != null) {
                  carrier.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value);
                }
              });
    }
  }
}
