package io.github.llmshield.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Signs the certificates of a test. */
final class Authority {
  private final Path base;
  private int issued;

  Authority(Path base) throws IOException {
    this.base = base;
    request("ca", base, List.of("-subj", "/CN=test authority"));
  }

  /** Writes {@code ca.crt}, {@code tls.crt} and {@code tls.key}, as they are mounted, and returns where. */
  Path directory() throws IOException {
    return directory(Files.createDirectory(base.resolve("issued-" + issued++)));
  }

  Path directory(Path into) throws IOException {
    request(
        "tls",
        into,
        List.of(
            "-subj", "/", "-addext", "subjectAltName=critical,DNS:localhost",
            "-CA", base.resolve("ca.crt").toString(), "-CAkey", base.resolve("ca.key").toString()));
    Files.copy(base.resolve("ca.crt"), into.resolve("ca.crt"), StandardCopyOption.REPLACE_EXISTING);
    return into;
  }

  private static void request(String name, Path into, List<String> options) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "openssl", "req", "-x509", "-days", "1", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", into.resolve(name + ".key").toString(),
                "-out", into.resolve(name + ".crt").toString()));
    command.addAll(options);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    try {
      if (process.waitFor() != 0) {
        throw new IOException(said);
      }
    } catch (InterruptedException interrupted) {
      throw new IOException(interrupted);
    }
  }
}
