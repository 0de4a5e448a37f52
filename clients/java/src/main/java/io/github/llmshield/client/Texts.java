package io.github.llmshield.client;

import io.github.llmshield.v1.Content;
import io.github.llmshield.v1.Finding;
import io.github.llmshield.v1.Role;
import io.github.llmshield.v1.Span;
import java.util.List;

/** Texts, and the parts of them that answers are about. */
public final class Texts {
  private Texts() {}

  /**
   * A text of the end user.
   *
   * @param text the text
   * @return the content
   */
  public static Content user(String text) {
    return of(Role.ROLE_USER, text);
  }

  /**
   * A text of somebody.
   *
   * @param role whose it is
   * @param text the text
   * @return the content
   */
  public static Content of(Role role, String text) {
    return Content.newBuilder().setRole(role).setText(text).build();
  }

  /**
   * The part of a text that a span says, in UTF-16 units, as Java indexes strings.
   *
   * @param text the caller's own text
   * @param span the span
   * @return the part
   * @throws IndexOutOfBoundsException when the span is of another text
   */
  public static String slice(String text, Span span) {
    long start = span.getStartUtf16();
    long end = span.getEndUtf16();
    if (start < 0 || start > end || end > text.length()) {
      throw new IndexOutOfBoundsException(
          "the span " + start + ".." + end + " is not of a text of " + text.length() + " UTF-16 units");
    }
    return text.substring((int) start, (int) end);
  }

  /**
   * The part of a request's contents that a finding is about.
   *
   * @param contents those of the request
   * @param finding the finding
   * @return the part
   * @throws IndexOutOfBoundsException when it is about none of them
   */
  public static String slice(List<Content> contents, Finding finding) {
    for (int index = 0; index < contents.size(); index++) {
      if (idOf(contents.get(index), index).equals(finding.getContentId())) {
        return slice(contents.get(index).getText(), finding.getSpan());
      }
    }
    throw new IndexOutOfBoundsException("no content has the id of the finding `" + finding.getRuleId() + "`");
  }

  /** How answers name a content. */
  static String idOf(Content content, int index) {
    return content.getId().isEmpty() ? Integer.toString(index) : content.getId();
  }
}
