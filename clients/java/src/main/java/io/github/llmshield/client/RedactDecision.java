package io.github.llmshield.client;

import io.github.llmshield.v1.Action;
import io.github.llmshield.v1.Content;
import io.github.llmshield.v1.RedactResponse;
import io.github.llmshield.v1.RedactedContent;
import io.github.llmshield.v1.Verdict;
import java.util.List;
import java.util.Optional;

/**
 * The redacted contents and the decision on them: the server's, or what {@link OnUnavailable} stands for: the contents as
 * they were given, or none.
 *
 * @param response the message of the schema
 * @param unavailable why the server made no decision; empty when it did
 */
public record RedactDecision(RedactResponse response, Optional<ShieldException> unavailable) {
  static RedactDecision of(RedactResponse response) {
    return new RedactDecision(response, Optional.empty());
  }

  static RedactDecision without(OnUnavailable choice, List<Content> contents, ShieldException failure) {
    RedactResponse.Builder response =
        RedactResponse.newBuilder()
            .setAction(choice.action)
            .setVerdict(Verdict.VERDICT_UNDETERMINED)
            .setDegraded(true)
            .setRequestId(failure.requestId());
    if (choice == OnUnavailable.ALLOW) {
      for (int index = 0; index < contents.size(); index++) {
        Content content = contents.get(index);
        String id = Texts.idOf(content, index);
        response.addContents(RedactedContent.newBuilder().setId(id).setText(content.getText()));
      }
    }
    return new RedactDecision(response.build(), Optional.of(failure));
  }

  /**
   * Whether the text must not pass, not even redacted.
   *
   * @return whether it is blocked, or the action is one that this version does not know
   */
  public boolean blocked() {
    return response.getAction() == Action.ACTION_BLOCK || response.getAction() == Action.UNRECOGNIZED;
  }

  /**
   * What the policy asks for.
   *
   * @return the action
   */
  public Action action() {
    return response.getAction();
  }

  /**
   * The first content after redaction.
   *
   * @return its text, empty when there is none
   */
  public String text() {
    return response.getContentsCount() == 0 ? "" : response.getContents(0).getText();
  }

  /**
   * The contents after redaction.
   *
   * @return their texts, in the order of the request
   */
  public List<String> texts() {
    return response.getContentsList().stream().map(RedactedContent::getText).toList();
  }
}
