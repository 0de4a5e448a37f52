package io.github.llmshield.client;

import io.github.llmshield.v1.Action;
import io.github.llmshield.v1.Finding;
import io.github.llmshield.v1.ScanResponse;
import io.github.llmshield.v1.Verdict;
import java.util.List;
import java.util.Optional;

/**
 * A decision: the server's, or the one that {@link OnUnavailable} stands for.
 *
 * @param response the message of the schema
 * @param unavailable why the server made no decision; empty when it did
 */
public record ScanDecision(ScanResponse response, Optional<ShieldException> unavailable) {
  static ScanDecision of(ScanResponse response) {
    return new ScanDecision(response, Optional.empty());
  }

  static ScanDecision without(OnUnavailable choice, ShieldException failure) {
    ScanResponse response =
        ScanResponse.newBuilder()
            .setAction(choice.action)
            .setVerdict(Verdict.VERDICT_UNDETERMINED)
            .setDegraded(true)
            .setRequestId(failure.requestId())
            .build();
    return new ScanDecision(response, Optional.of(failure));
  }

  /**
   * Whether the text must not pass.
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
   * What was found.
   *
   * @return the findings
   */
  public List<Finding> findings() {
    return response.getFindingsList();
  }
}
