package io.github.llmshield.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Certificates out of AWS Secrets Manager. Needs {@code software.amazon.awssdk:secretsmanager} and one of the SDK's HTTP
 * clients, such as {@code url-connection-client}.
 */
public final class SecretsManager implements CertificateSource {
  private final SecretsManagerClient client;
  private final String secretId;

  private SecretsManager(SecretsManagerClient client, String secretId) {
    this.client = client;
    this.secretId = secretId;
  }

  /**
   * A secret that holds {@code {"ca": "PEM", "cert": "PEM", "key": "PEM"}}, read by its stage AWSCURRENT. The SDK is
   * configured by its environment: region, endpoint, and role or keys.
   *
   * @param secretId its name or ARN
   * @return the source
   */
  public static CertificateSource secret(String secretId) {
    return secret(SecretsManagerClient.create(), secretId);
  }

  /**
   * A secret, by a client of the SDK that is there already.
   *
   * @param client the client
   * @param secretId its name or ARN
   * @return the source
   */
  public static CertificateSource secret(SecretsManagerClient client, String secretId) {
    return new SecretsManager(client, secretId);
  }

  @Override
  public Duration reloadInterval() {
    return Duration.ofMinutes(5);
  }

  @Override
  public Certificates load() throws IOException {
    String text;
    try {
      var secret = client.getSecretValue(request -> request.secretId(secretId).versionStage("AWSCURRENT"));
      text = secret.secretString() != null ? secret.secretString() : secret.secretBinary().asUtf8String();
    } catch (SdkException cause) {
      throw new IOException("cannot read the secret `" + secretId + "`", cause);
    }
    JsonObject parts = parsed(text);
    return new Certificates(part(parts, "ca"), part(parts, "cert"), part(parts, "key"));
  }

  private JsonObject parsed(String text) throws IOException {
    try {
      if (JsonParser.parseString(text) instanceof JsonObject object) {
        return object;
      }
    } catch (JsonParseException ignored) {
      // Not the cause of what is thrown: it may quote the text, and that has a key in it.
    }
    throw new IOException("the secret `" + secretId + "` is no JSON object");
  }

  private String part(JsonObject parts, String name) throws IOException {
    JsonElement part = parts.get(name);
    if (part == null || !part.isJsonPrimitive() || !part.getAsJsonPrimitive().isString()) {
      throw new IOException("the secret `" + secretId + "` has no string `" + name + "`");
    }
    return part.getAsString();
  }
}
