package io.github.llmshield.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.llmshield.client.CertificateSource;
import io.github.llmshield.client.ShieldClient;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class ShieldAutoConfigurationTest {
  private final ApplicationContextRunner application =
      new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(ShieldAutoConfiguration.class));

  @Test
  void springFindsIt() {
    var loader = getClass().getClassLoader();
    var candidates = ImportCandidates.load(AutoConfiguration.class, loader).getCandidates();
    assertTrue(candidates.contains(ShieldAutoConfiguration.class.getName()));
  }

  @Test
  void withoutATargetThereIsNoClient() {
    application.run(context -> assertEquals(0, context.getBeanNamesForType(ShieldClient.class).length));
  }

  @Test
  void theChoiceHasNoDefault() {
    application
        .withPropertyValues("llm-shield.target=localhost:1", "llm-shield.certificates=/nowhere")
        .run(context -> assertTrue(rootOf(context.getStartupFailure()).getMessage().contains("no default")));
  }

  @Test
  void thePropertiesArePassedOn() {
    application
        .withPropertyValues(
            "llm-shield.target=localhost:1",
            "llm-shield.certificates=/nowhere",
            "llm-shield.on-unavailable=block",
            "llm-shield.scan-timeout=1s")
        .run(context -> assertEquals("/nowhere/ca.crt", rootOf(context.getStartupFailure()).getMessage()));
  }

  @Test
  void aBeanMayYieldTheCertificates() {
    CertificateSource failing =
        () -> {
          throw new IOException("asked");
        };
    application
        .withBean(CertificateSource.class, () -> failing)
        .withPropertyValues("llm-shield.target=localhost:1", "llm-shield.on-unavailable=allow")
        .run(context -> assertEquals("asked", rootOf(context.getStartupFailure()).getMessage()));
  }

  private static Throwable rootOf(Throwable failure) {
    return failure.getCause() == null ? failure : rootOf(failure.getCause());
  }
}
