package io.github.llmshield.client;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

/** Whether a private key is the one of a certificate: TLS would only say so in each handshake. */
final class KeyCheck {
  private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String END = "-----END PRIVATE KEY-----";

  private KeyCheck() {}

  static void belongTogether(Certificates certificates) throws IOException {
    try {
      byte[] chain = certificates.chain().getBytes(StandardCharsets.UTF_8);
      PublicKey shown =
          CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(chain)).getPublicKey();
      String algorithm = shown.getAlgorithm();
      var specification = new PKCS8EncodedKeySpec(bytesOf(certificates.key()));
      PrivateKey key = KeyFactory.getInstance(algorithm).generatePrivate(specification);
      byte[] text = {1, 2, 3};
      Signature signing = Signature.getInstance(signature(algorithm));
      signing.initSign(key);
      signing.update(text);
      Signature verifying = Signature.getInstance(signature(algorithm));
      verifying.initVerify(shown);
      verifying.update(text);
      if (verifying.verify(signing.sign())) {
        return;
      }
    } catch (GeneralSecurityException | IllegalArgumentException cause) {
      // Without the cause, which may quote what it could not read, and that may be a key.
      throw new IOException("the client's certificate and key cannot be used: " + cause.getClass().getSimpleName());
    }
    throw new IOException("the client's key is not that of its certificate");
  }

  private static byte[] bytesOf(String pem) throws IOException {
    int begin = pem.indexOf(BEGIN);
    int end = pem.indexOf(END);
    if (begin < 0 || end < begin) {
      throw new IOException("the client's key is no PKCS #8 key in PEM");
    }
    return Base64.getMimeDecoder().decode(pem.substring(begin + BEGIN.length(), end));
  }

  private static String signature(String algorithm) {
    return switch (algorithm) {
      case "EC" -> "SHA256withECDSA";
      case "RSA" -> "SHA256withRSA";
      default -> algorithm;
    };
  }
}
