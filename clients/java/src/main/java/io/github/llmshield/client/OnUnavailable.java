package io.github.llmshield.client;

import io.github.llmshield.v1.Action;

/** What a decision is when the server gives none. There is no default, since no choice is right for all. */
public enum OnUnavailable {
  /** Texts pass unchecked while the service is away: availability before security. */
  ALLOW(Action.ACTION_ALLOW),
  /** Nothing passes while the service is away. */
  BLOCK(Action.ACTION_BLOCK);

  final Action action;

  OnUnavailable(Action action) {
    this.action = action;
  }
}
