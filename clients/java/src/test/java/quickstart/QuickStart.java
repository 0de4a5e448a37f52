package quickstart;

import io.github.llmshield.client.CertificateSource;
import io.github.llmshield.client.OnUnavailable;
import io.github.llmshield.client.ResultStream;
import io.github.llmshield.client.ScanDecision;
import io.github.llmshield.client.ShieldClient;
import io.github.llmshield.client.Texts;
import io.github.llmshield.v1.AuditRequest;
import io.github.llmshield.v1.AuditResponse;
import io.github.llmshield.v1.Finding;
import java.nio.file.Path;

/** Asks a server about a prompt: {@code QuickStart localhost:8443 /etc/llm-shield/tls}. */
public class QuickStart {
  public static void main(String[] arguments) throws Exception {
    var certificates = CertificateSource.directory(Path.of(arguments[1]));
    try (ShieldClient client = ShieldClient.builder(arguments[0], certificates, OnUnavailable.BLOCK).build()) {
      String prompt = "Write to ada.lovelace@babbage-engines.com 🚀";
      ScanDecision decision = client.scan(prompt);
      System.out.println("blocked: " + decision.blocked());
      for (Finding finding : decision.findings()) {
        System.out.println(finding.getEntity() + " " + Texts.slice(prompt, finding.getSpan()));
      }

      System.out.println(client.redact(prompt).text());

      AuditRequest newest = AuditRequest.newBuilder().setNewestFirst(true).setLimit(2).build();
      try (ResultStream<AuditResponse> records = client.audit(newest)) {
        for (AuditResponse answer : records) {
          System.out.println(answer.getRecord().getRpc() + " " + answer.getRecord().getAction());
        }
      }
    }
  }
}
