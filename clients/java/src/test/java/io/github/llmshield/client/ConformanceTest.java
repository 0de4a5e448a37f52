package io.github.llmshield.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.github.llmshield.v1.AuditRequest;
import io.github.llmshield.v1.Content;
import io.github.llmshield.v1.Finding;
import io.github.llmshield.v1.RedactRequest;
import io.github.llmshield.v1.RedactResponse;
import io.github.llmshield.v1.RestoreRequest;
import io.github.llmshield.v1.ScanRequest;
import io.github.llmshield.v1.ScanResponse;
import io.github.llmshield.v1.StreamConfig;
import io.github.llmshield.v1.VerifyAuditRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The cases that all clients share, against the real server. */
class ConformanceTest {
  // The suite measures no time, and runs on slow machines.
  private static final Timeouts PATIENT = Timeouts.all(Duration.ofSeconds(30));
  private static final Duration EVENTUALLY = Duration.ofSeconds(60);
  private static final Map<String, String> METHODS =
      Map.of(
          "scan", "Scan", "redact", "Redact", "restore", "Restore", "audit", "Audit", "verify_audit", "VerifyAudit",
          "server_info", "GetServerInfo", "scan_stream", "ScanStream", "redact_stream", "RedactStream");
  private static final Map<String, String> PREFIXES =
      Map.of("role", "ROLE_", "direction", "DIRECTION_", "actions", "ACTION_", "mode", "STREAM_MODE_");
  private static Harness harness;

  @BeforeAll
  static void start() throws IOException {
    assumeTrue(Harness.possible(), "no server's program: set LLM_SHIELD_BIN, or cargo build -p llm-shield");
    harness = new Harness();
  }

  @AfterAll
  static void stop() throws Exception {
    if (harness != null) {
      harness.close();
    }
  }

  @TestFactory
  Stream<DynamicTest> cases() throws IOException {
    String text = Files.readString(Harness.DIRECTORY.resolve("cases.json"));
    JsonArray cases = JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("cases");
    return cases.asList().stream()
        .map(JsonElement::getAsJsonObject)
        .map(one -> DynamicTest.dynamicTest(one.get("name").getAsString(), () -> runUntilItHolds(one)));
  }

  private static void runUntilItHolds(JsonObject one) throws Exception {
    int attempts = one.has("case_attempts") ? one.get("case_attempts").getAsInt() : 1;
    for (int attempt = 1; ; attempt++) {
      try {
        new Run(one, attempt).run();
        return;
      } catch (AssertionError | RuntimeException failure) {
        if (attempt >= attempts) {
          throw failure;
        }
      }
    }
  }

  private static final class Run {
    private final JsonObject one;
    private final Map<String, String> saved = new HashMap<>();
    private ShieldClient client;

    Run(JsonObject one, int attempt) {
      this.one = one;
      saved.put("attempt", Integer.toString(attempt));
    }

    void run() throws Exception {
      String identity = one.get("identity").getAsString().replace("$attempt", saved.get("attempt"));
      CertificateSource source =
          says("tls", "directory")
              ? CertificateSource.directory(harness.file(identity, "dir"))
              : CertificateSource.files(
                  harness.file(identity, "ca"), harness.file(identity, "cert"), harness.file(identity, "key"));
      OnUnavailable choice = says("on_unavailable", "allow") ? OnUnavailable.ALLOW : OnUnavailable.BLOCK;
      var builder = ShieldClient.builder(harness.address(), source, choice).serverName(harness.serverName());
      try (ShieldClient made = (one.has("default_deadlines") ? builder : builder.timeouts(PATIENT)).build()) {
        client = made;
        for (JsonElement step : one.getAsJsonArray("steps")) {
          step(step.getAsJsonObject());
        }
      }
    }

    private boolean says(String field, String value) {
      return one.has(field) && one.get(field).getAsString().equals(value);
    }

    private void step(JsonObject step) throws Exception {
      if (step.has("harness")) {
        harness.send(filled(step.get("harness")).getAsJsonObject());
      } else if (step.has("reload")) {
        client.reload();
      } else {
        for (int time = 0; time < (step.has("times") ? step.get("times").getAsInt() : 1); time++) {
          callOften(step);
        }
      }
    }

    private void callOften(JsonObject step) throws Exception {
      Instant give = Instant.now().plus(EVENTUALLY);
      while (true) {
        try {
          callOnce(step);
          return;
        } catch (AssertionError | RuntimeException failure) {
          if (!step.has("eventually") || Instant.now().isAfter(give)) {
            throw failure;
          }
          Thread.sleep(100);
        }
      }
    }

    private void callOnce(JsonObject step) throws IOException {
      JsonObject call = filled(step.get("call")).getAsJsonObject();
      String rpc = call.remove("rpc").getAsString();
      int before = step.has("attempts") ? harness.seen(METHODS.get(rpc)) : 0;
      Answer answer = call(rpc, call);
      if (step.has("attempts")) {
        assertEquals(step.get("attempts").getAsInt(), harness.seen(METHODS.get(rpc)) - before, "attempts");
      }
      answer.check(filled(step.get("expect")).getAsJsonObject());
      if (step.has("save")) {
        step.getAsJsonObject("save")
            .asMap()
            .forEach((name, what) -> saved.put(name, answer.saved(what.getAsString())));
      }
    }

    private Answer call(String rpc, JsonObject fields) throws IOException {
      JsonElement timeout = fields.remove("timeout_ms");
      ShieldClient calling = timeout == null ? client : client.withTimeout(Duration.ofMillis(timeout.getAsLong()));
      String json = rpc.endsWith("_stream") ? "" : prefixed("", fields).toString();
      Answer answer = new Answer();
      try {
        switch (rpc) {
          case "scan" -> {
            ScanRequest request = merged(json, ScanRequest.newBuilder()).build();
            answer.sent = request.getContentsList();
            answer.scan = calling.scan(request);
          }
          case "redact" -> {
            RedactRequest request = merged(json, RedactRequest.newBuilder()).build();
            answer.sent = request.getContentsList();
            answer.redact = calling.redact(request);
          }
          case "scan_stream" -> scanStream(calling, fields, answer);
          case "redact_stream" -> redactStream(calling, fields, answer);
          case "restore" -> answer.restore = calling.restore(merged(json, RestoreRequest.newBuilder()).build());
          case "server_info" -> answer.info = calling.serverInfo();
          case "verify_audit" -> {
            for (var report : calling.verifyAudit(VerifyAuditRequest.getDefaultInstance())) {
              answer.verified = report;
            }
          }
          default -> answer.records = calling.audit(merged(json, AuditRequest.newBuilder()).build()).stream().toList();
        }
      } catch (ShieldException failure) {
        answer.failure = failure;
      }
      return answer;
    }

    /** Gives the summary the findings as they came piece by piece. */
    private static void scanStream(ShieldClient client, JsonObject fields, Answer answer) throws IOException {
      ScanResponse.Builder summary = ScanResponse.newBuilder();
      List<Finding> findings = new ArrayList<>();
      try (var messages = client.scanStream(opening(fields), pieces(fields, answer))) {
        for (var message : messages) {
          switch (message.getMessageCase()) {
            case FINDING -> findings.add(message.getFinding());
            case RELEASED_BYTES -> answer.letOut(message.getReleasedBytes());
            default -> summary.mergeFrom(message.getSummary());
          }
        }
      }
      answer.scan = ScanDecision.of(summary.clearFindings().addAllFindings(findings).build());
    }

    /** Gives the summary the text as it came piece by piece. */
    private static void redactStream(ShieldClient client, JsonObject fields, Answer answer) throws IOException {
      RedactResponse.Builder summary = RedactResponse.newBuilder();
      StringBuilder text = new StringBuilder();
      try (var messages = client.redactStream(opening(fields), pieces(fields, answer))) {
        for (var message : messages) {
          if (message.hasSummary()) {
            summary.mergeFrom(message.getSummary());
          } else {
            text.append(message.getDelta());
            answer.letOut(text.length());
          }
        }
      }
      summary.getContentsBuilderList().forEach(content -> content.setText(text.toString()));
      answer.redact = RedactDecision.of(summary.build());
    }

    private static StreamConfig opening(JsonObject fields) throws IOException {
      JsonElement config = fields.has("config") ? fields.get("config") : new JsonObject();
      return merged(prefixed("", config).toString(), StreamConfig.newBuilder()).build();
    }

    /** This client takes strings: the text is cut between characters. */
    private static List<String> pieces(JsonObject fields, Answer answer) {
      String text = fields.get("text").getAsString();
      answer.sent = List.of(Content.newBuilder().setText(text).build());
      int size = fields.has("piece_bytes") ? fields.get("piece_bytes").getAsInt() : text.length();
      int[] characters = text.codePoints().toArray();
      List<String> pieces = new ArrayList<>();
      for (int at = 0; at < characters.length; at += size) {
        pieces.add(new String(characters, at, Math.min(size, characters.length - at)));
      }
      return pieces;
    }

    private static <B extends Message.Builder> B merged(String json, B builder) throws IOException {
      JsonFormat.parser().merge(json, builder);
      return builder;
    }

    /** Gives the values of enums their prefix. */
    private static JsonElement prefixed(String name, JsonElement value) {
      if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isString()) {
        return new JsonPrimitive(PREFIXES.getOrDefault(name, "") + value.getAsString());
      }
      return mapped(value, (key, inner) -> name.equals("labels") ? inner : prefixed(key.isEmpty() ? name : key, inner));
    }

    /** Writes repeated strings out, and puts saved ones in. */
    private JsonElement filled(JsonElement value) {
      if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isString()) {
        String text = value.getAsString();
        String known = text.startsWith("$") ? saved.get(text.substring(1)) : null;
        return new JsonPrimitive(known != null ? known : text.replace("$attempt", saved.get("attempt")));
      }
      if (value.isJsonObject() && value.getAsJsonObject().has("repeat") && value.getAsJsonObject().size() == 2) {
        JsonObject repeated = value.getAsJsonObject();
        return new JsonPrimitive(repeated.get("repeat").getAsString().repeat(repeated.get("times").getAsInt()));
      }
      return mapped(value, (key, inner) -> filled(inner));
    }

    private interface Change {
      JsonElement of(String key, JsonElement inner);
    }

    private static JsonElement mapped(JsonElement value, Change change) {
      if (value.isJsonArray()) {
        JsonArray values = new JsonArray();
        value.getAsJsonArray().forEach(inner -> values.add(change.of("", inner)));
        return values;
      }
      if (value.isJsonObject()) {
        JsonObject values = new JsonObject();
        value.getAsJsonObject().asMap().forEach((key, inner) -> values.add(key, change.of(key, inner)));
        return values;
      }
      return value;
    }
  }
}
