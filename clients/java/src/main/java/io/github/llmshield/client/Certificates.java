package io.github.llmshield.client;

/**
 * What a client authenticates itself and its server with, each in PEM.
 *
 * @param authorities those that sign the server's certificate
 * @param chain the client's certificate, and its intermediates
 * @param key the private key of the first certificate, PKCS #8 ({@code BEGIN PRIVATE KEY})
 */
public record Certificates(String authorities, String chain, String key) {
  /** Tells nothing, so that a key does not get into a log. */
  @Override
  public String toString() {
    return "Certificates[…]";
  }
}
