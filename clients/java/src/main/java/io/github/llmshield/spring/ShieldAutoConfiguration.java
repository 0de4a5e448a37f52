package io.github.llmshield.spring;

import io.github.llmshield.client.CertificateSource;
import io.github.llmshield.client.ShieldClient;
import io.github.llmshield.client.ShieldClientBuilder;
import io.github.llmshield.client.Timeouts;
import java.io.IOException;
import java.util.Optional;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.util.Assert;

/** Makes a {@link ShieldClient} where {@code llm-shield.target} says of which server. */
@AutoConfiguration
@ConditionalOnProperty("llm-shield.target")
@EnableConfigurationProperties(ShieldProperties.class)
public class ShieldAutoConfiguration {
  /** Made by Spring. */
  public ShieldAutoConfiguration() {}

  /**
   * The client.
   *
   * @param properties what it is like
   * @param source a bean to take the certificates from instead of a directory, such as a secret of AWS
   * @return the client
   * @throws IOException when the certificates cannot be used
   */
  @Bean
  @ConditionalOnMissingBean
  public ShieldClient shieldClient(ShieldProperties properties, ObjectProvider<CertificateSource> source)
      throws IOException {
    Assert.notNull(properties.onUnavailable(), "llm-shield.on-unavailable has no default: say block or allow");
    CertificateSource certificates =
        source.getIfAvailable(
            () -> {
              Assert.notNull(properties.certificates(), "llm-shield.certificates must name a directory");
              return CertificateSource.directory(properties.certificates());
            });
    ShieldClientBuilder builder = ShieldClient.builder(properties.target(), certificates, properties.onUnavailable());
    Optional.ofNullable(properties.serverName()).ifPresent(builder::serverName);
    Timeouts usual = Timeouts.DEFAULT;
    return builder
        .timeouts(
            new Timeouts(
                Optional.ofNullable(properties.scanTimeout()).orElse(usual.scan()),
                Optional.ofNullable(properties.redactTimeout()).orElse(usual.redact()),
                usual.audit(),
                usual.other()))
        .build();
  }
}
