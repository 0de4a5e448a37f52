package io.github.llmshield.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Yields certificates; asked again and again. */
@FunctionalInterface
public interface CertificateSource {
  /**
   * Returns the certificates as they are now.
   *
   * @return the certificates
   * @throws IOException when they cannot be had
   */
  Certificates load() throws IOException;

  /**
   * How often they are looked at.
   *
   * @return the interval, 5 seconds where asking is cheap
   */
  default Duration reloadInterval() {
    return Duration.ofSeconds(5);
  }

  /**
   * Reads three PEM files.
   *
   * @param authorities those that sign the server's certificate
   * @param chain the client's certificate, and its intermediates
   * @param key its private key
   * @return the source
   */
  static CertificateSource files(Path authorities, Path chain, Path key) {
    return () -> new Certificates(Files.readString(authorities), Files.readString(chain), Files.readString(key));
  }

  /**
   * Reads {@code ca.crt}, {@code tls.crt} and {@code tls.key}, as Kubernetes mounts a TLS secret.
   *
   * @param directory where they lie
   * @return the source
   */
  static CertificateSource directory(Path directory) {
    return files(directory.resolve("ca.crt"), directory.resolve("tls.crt"), directory.resolve("tls.key"));
  }
}
