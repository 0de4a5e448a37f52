/**
 * The client of llm-shield, the security checkpoint for LLM traffic. Begin at {@link
 * io.github.llmshield.client.ShieldClient}; the messages of the schema are in {@code io.github.llmshield.v1}.
 */
package io.github.llmshield.client;
