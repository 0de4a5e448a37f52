package io.github.llmshield.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.llmshield.v1.AuditResponse;
import io.github.llmshield.v1.Content;
import io.github.llmshield.v1.GetServerInfoResponse;
import io.github.llmshield.v1.RestoreResponse;
import io.github.llmshield.v1.Span;
import io.github.llmshield.v1.VerifyAuditResponse;
import java.util.List;

/** What came of a call of a conformance case, and whether it is what was expected. */
final class Answer {
  List<Content> sent = List.of();
  ScanDecision scan;
  RedactDecision redact;
  RestoreResponse restore;
  List<AuditResponse> records;
  VerifyAuditResponse verified;
  GetServerInfoResponse info;
  ShieldException failure;
  /** Of a stream of text: the last place that was let out, and how often something was. */
  private long released;
  private int pieces;

  void letOut(long to) {
    released = to;
    pieces++;
  }

  String saved(String what) {
    return switch (what) {
      case "text" -> redact.text();
      case "page_token" -> records.get(records.size() - 1).getNextPageToken();
      default -> recordId();
    };
  }

  void check(JsonObject expected) {
    if (failure != null && !expected.has("error")) {
      throw failure;
    }
    expected
        .asMap()
        .forEach(
            (field, want) -> {
              switch (field) {
                case "error" -> checkError(want.getAsJsonObject());
                case "findings" -> want.getAsJsonArray().forEach(this::checkFinding);
                case "records" -> checkRecords(want.getAsJsonArray());
                default -> assertEquals(want, plain(field), field);
              }
            });
  }

  private String recordId() {
    return scan != null ? scan.response().getAuditRecordId() : redact.response().getAuditRecordId();
  }

  /** A field that is compared as it is. */
  private JsonElement plain(String field) {
    return json(
        switch (field) {
          case "action" -> (scan != null ? scan.action() : redact.action()).name().replace("ACTION_", "");
          case "verdict" ->
              (scan != null ? scan.response().getVerdict() : redact.response().getVerdict())
                  .name()
                  .replace("VERDICT_", "");
          case "policy" ->
              (scan != null ? scan.response().getPolicy() : redact.response().getPolicy()).getName();
          case "recorded" -> !recordId().isEmpty();
          case "unavailable" -> (scan != null ? scan.unavailable() : redact.unavailable()).isPresent();
          case "texts" ->
              restore == null
                  ? redact.texts()
                  : restore.getContentsList().stream().map(Content::getText).toList();
          case "released" -> released;
          case "early" -> pieces > 1;
          case "restored" -> restore.getRestoredCount();
          case "record_count" -> records.size();
          case "intact" -> verified.getDone() && verified.getIntact();
          case "principal" -> info.getPrincipal();
          case "tenant" -> info.getTenant();
          case "roles" -> List.copyOf(info.getRolesList());
          case "redactions" -> redactions();
          default -> throw new IllegalArgumentException("this runner does not know `" + field + "`");
        });
  }

  private void checkFinding(JsonElement want) {
    JsonObject wanted = want.getAsJsonObject().deepCopy();
    wanted.add("content", new JsonPrimitive(wanted.get("content").getAsString()));
    JsonArray found = new JsonArray();
    for (var finding : scan.findings()) {
      Span span = finding.getSpan();
      JsonObject one = new JsonObject();
      one.addProperty("content", finding.getContentId());
      one.addProperty("entity", finding.getEntity());
      one.addProperty("slice", Texts.slice(sent, finding));
      one.add(
          "span",
          json(
              List.of(
                  span.getStartByte(), span.getEndByte(), span.getStartCodePoint(), span.getEndCodePoint(),
                  span.getStartUtf16(), span.getEndUtf16())));
      found.add(one);
    }
    assertTrue(found.contains(wanted), () -> wanted + " is not among " + found);
  }

  private JsonElement redactions() {
    JsonArray redactions = new JsonArray();
    for (int index = 0; index < redact.response().getContentsCount(); index++) {
      var content = redact.response().getContents(index);
      for (var redaction : content.getRedactionsList()) {
        JsonObject one = new JsonObject();
        one.addProperty("content", index);
        one.addProperty("entity", redaction.getEntity());
        one.addProperty("slice", Texts.slice(sent.get(index).getText(), redaction.getOriginal()));
        one.addProperty("replacement", Texts.slice(content.getText(), redaction.getRedacted()));
        redactions.add(one);
      }
    }
    return redactions;
  }

  private void checkRecords(JsonArray want) {
    assertEquals(want.size(), records.size(), "number of records");
    for (int index = 0; index < want.size(); index++) {
      var record = records.get(index).getRecord();
      want.get(index)
          .getAsJsonObject()
          .asMap()
          .forEach(
              (field, value) -> {
                switch (field) {
                  case "id" -> assertEquals(value.getAsString(), record.getId());
                  case "rpc" -> assertEquals(value.getAsString(), record.getRpc());
                  case "action" -> assertEquals("ACTION_" + value.getAsString(), record.getAction().name());
                  default ->
                      value
                          .getAsJsonObject()
                          .asMap()
                          .forEach(
                              (label, text) ->
                                  assertEquals(text.getAsString(), record.getLabelsMap().get(label), label));
                }
              });
    }
  }

  private void checkError(JsonObject want) {
    ShieldException error = failure;
    if (error == null) {
      error = (scan != null ? scan.unavailable() : redact.unavailable()).orElse(null);
    }
    assertNotNull(error, "there is no error");
    ShieldException got = error;
    want.asMap()
        .forEach(
            (field, value) -> {
              if (field.equals("metadata")) {
                value.getAsJsonObject().asMap().forEach((name, text) -> assertEquals(text.getAsString(), got.metadata().get(name), name));
              } else {
                assertEquals(value, json(field(got, field)), () -> field + " of " + got.getMessage());
              }
            });
  }

  private static Object field(ShieldException error, String field) {
    return switch (field) {
      case "code" -> error.code().name();
      case "reason" -> error.reason();
      case "fields" -> error.fieldViolations().stream().map(ShieldException.FieldViolation::field).toList();
      case "resource" -> error.resource();
      case "retry_delay" -> !error.retryDelay().isZero();
      case "quota_subject" -> error.quotaViolations().get(0).subject();
      default -> throw new IllegalArgumentException("this runner does not know `" + field + "`");
    };
  }

  private static JsonElement json(Object value) {
    return value instanceof JsonElement element ? element : new Gson().toJsonTree(value);
  }
}
