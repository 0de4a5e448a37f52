package io.github.llmshield.client;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The program that runs the real server; conformance/README.md has its protocol. */
final class Harness implements AutoCloseable {
  static final Path DIRECTORY = Path.of("../conformance");
  private final Process process;
  private final OutputStream input;
  private final BufferedReader output;
  private final JsonObject ready;

  /** Whether there is a server to run. */
  static boolean possible() {
    return System.getenv("LLM_SHIELD_BIN") != null
        || Files.exists(Path.of("../../target/debug/llm-shield"))
        || Files.exists(Path.of("../../target/release/llm-shield"));
  }

  Harness() throws IOException {
    process =
        new ProcessBuilder("python3", DIRECTORY.resolve("harness.py").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    input = process.getOutputStream();
    output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    ready = read();
  }

  String address() {
    return ready.get("address").getAsString();
  }

  String serverName() {
    return ready.get("server_name").getAsString();
  }

  /** Where a client's certificates lie: {@code dir}, {@code ca}, {@code cert} or {@code key}. */
  Path file(String client, String part) {
    return Path.of(ready.getAsJsonObject("clients").getAsJsonObject(client).get(part).getAsString());
  }

  /** Sends a command and returns what else the answer says. */
  JsonObject send(JsonObject command) throws IOException {
    input.write((command + "\n").getBytes(StandardCharsets.UTF_8));
    input.flush();
    JsonObject answer = read();
    if (!answer.get("ok").getAsBoolean()) {
      throw new IOException("the harness answers " + answer + " to " + command);
    }
    return answer;
  }

  /** How many requests of a method the server has had, whatever became of them. */
  int seen(String method) throws IOException {
    JsonObject command = new JsonObject();
    command.addProperty("command", "requests");
    JsonObject outcomes = send(command).getAsJsonObject("requests").getAsJsonObject(method);
    return outcomes == null ? 0 : outcomes.entrySet().stream().mapToInt(count -> count.getValue().getAsInt()).sum();
  }

  /** Ends the server; the end of its input ends the harness. */
  @Override
  public void close() throws IOException {
    input.close();
    process.onExit().join();
  }

  private JsonObject read() throws IOException {
    String line = output.readLine();
    if (line == null) {
      throw new IOException("the harness has ended");
    }
    return JsonParser.parseString(line).getAsJsonObject();
  }
}
