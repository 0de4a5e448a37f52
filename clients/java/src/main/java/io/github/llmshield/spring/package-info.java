/** Auto-configuration for Spring Boot: a {@code ShieldClient} of the properties {@code llm-shield.*}. */
package io.github.llmshield.spring;
