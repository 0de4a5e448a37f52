/** Texts, and the parts of them that answers are about. */
import type { Content, Finding, Span } from "./gen/llm_shield/v1/types.js";

/** One piece of text of a request; only the text is needed. */
export type ContentInput = Partial<Content> & { text: string };

/** Returns the part of `text` that `span` says, in UTF-16 units, as JavaScript indexes strings. */
export function slice(text: string, span: Span | undefined): string {
  const { startUtf16: start, endUtf16: end } = span ?? { startUtf16: 0, endUtf16: -1 };
  if (start > end || end > text.length) {
    throw new RangeError(`the span ${start}..${end} is not of a text of ${text.length} UTF-16 units`);
  }
  return text.slice(start, end);
}

/** Returns the part of a request's contents that a finding is about. */
export function sliceFinding(contents: readonly ContentInput[], finding: Finding): string {
  const content = contents.find((content, index) => contentId(content, index) === finding.contentId);
  if (content === undefined) throw new RangeError(`no content has the id of the finding \`${finding.ruleId}\``);
  return slice(content.text, finding.span);
}

/** How answers name a content. */
export function contentId(content: ContentInput, index: number): string {
  return content.id || String(index);
}
