package io.github.llmshield.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import quickstart.QuickStart;

class QuickStartTest {
  private static final String WANTED =
      """
      blocked: false
      EMAIL_ADDRESS ada.lovelace@babbage-engines.com
      Write to [EMAIL_ADDRESS] 🚀
      Redact ACTION_REDACT
      Scan ACTION_REDACT
      """;

  @Test
  void isInTheReadmeAsItIsRunHere() throws Exception {
    String block = Files.readString(Path.of("README.md")).split("```java\n")[1].split("```")[0];
    assertTrue(Files.readString(Path.of("src/test/java/quickstart/QuickStart.java")).endsWith(block));
  }

  @Test
  void doesWhatItSays() throws Exception {
    assumeTrue(Harness.possible(), "no server's program: set LLM_SHIELD_BIN, or cargo build -p llm-shield");
    try (Harness harness = new Harness()) {
      String target = harness.address().replace("127.0.0.1", harness.serverName());
      // The first calls of a debug build on a busy machine may not keep their deadline.
      Instant give = Instant.now().plus(Duration.ofMinutes(5));
      String said = "";
      while (!said.equals(WANTED) && Instant.now().isBefore(give)) {
        said = said(target, harness.file("all", "dir").toString());
      }
      assertEquals(WANTED, said);
    }
  }

  private static String said(String... arguments) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      QuickStart.main(arguments);
    } finally {
      System.setOut(before);
    }
    return said.toString(StandardCharsets.UTF_8);
  }
}
