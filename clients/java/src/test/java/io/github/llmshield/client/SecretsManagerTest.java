package io.github.llmshield.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

class SecretsManagerTest {
  @Test
  void certificatesOutOfASecret() throws Exception {
    String program = System.getenv("MOTO_SERVER");
    assumeTrue(program != null, "no emulation of AWS: MOTO_SERVER names the program moto_server");
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Process moto =
        new ProcessBuilder(program, "--host", "127.0.0.1", "--port", Integer.toString(port))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (SecretsManagerClient client = client(port)) {
      waitFor(port);
      read(client);
      refuse(client);
    } finally {
      moto.destroyForcibly().waitFor();
    }
  }

  private static void read(SecretsManagerClient client) throws IOException {
    client.createSecret(secret -> secret.name("a").secretString("{\"ca\": \"A\", \"cert\": \"B\", \"key\": \"C\"}"));
    CertificateSource source = SecretsManager.secret(client, "a");
    assertEquals(new Certificates("A", "B", "C"), source.load());
    client.putSecretValue(
        secret ->
            secret.secretId("a").secretBinary(SdkBytes.fromUtf8String("{\"ca\": \"A\", \"cert\": \"B\", \"key\": \"D\"}")));
    assertEquals("D", source.load().key());
  }

  private static void refuse(SecretsManagerClient client) {
    List<String> unfit = List.of("PRIVATE", "{\"ca\": \"A\", \"cert\": \"B\"}", "[\"PRIVATE\"]", "{\"ca\": 5}");
    for (int index = 0; index < unfit.size(); index++) {
      String name = "unfit-" + index;
      String text = unfit.get(index);
      client.createSecret(secret -> secret.name(name).secretString(text));
      IOException error = assertThrows(IOException.class, () -> SecretsManager.secret(client, name).load());
      assertFalse(error.toString().contains("PRIVATE"));
    }
    assertThrows(IOException.class, () -> SecretsManager.secret(client, "none").load());
  }

  private static SecretsManagerClient client(int port) {
    return SecretsManagerClient.builder()
        .endpointOverride(URI.create("http://127.0.0.1:" + port))
        .region(Region.EU_WEST_1)
        .httpClient(UrlConnectionHttpClient.create())
        .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
        .build();
  }

  private static void waitFor(int port) throws Exception {
    for (int attempt = 0; attempt < 600; attempt++) {
      try {
        new Socket(InetAddress.getLoopbackAddress(), port).close();
        return;
      } catch (IOException notYet) {
        Thread.sleep(100);
      }
    }
  }
}
