/** What came of a call of a conformance case, and whether it is what was expected. */
import assert from "node:assert/strict";
import {
  type AuditResponse,
  type ContentInput,
  type GetServerInfoResponse,
  type RedactDecision,
  type RestoreResponse,
  type ScanDecision,
  ShieldError,
  slice,
  sliceFinding,
  type VerifyAuditResponse,
} from "llm-shield";

type Fields = Record<string, unknown>;

export interface Answer {
  sent: ContentInput[];
  scan?: ScanDecision;
  redact?: RedactDecision;
  restore?: RestoreResponse;
  records?: AuditResponse[];
  verified?: VerifyAuditResponse | undefined;
  info?: GetServerInfoResponse;
  /** Of a stream of text. */
  released?: number;
  early?: boolean;
  error?: unknown;
}

export function savedOf(answer: Answer, what: string): string {
  if (what === "text") return answer.redact!.contents[0]!.text;
  if (what === "page_token") return answer.records!.at(-1)!.nextPageToken;
  return (answer.scan ?? answer.redact)!.auditRecordId;
}

export function check(answer: Answer, expected: Fields): void {
  if (answer.error !== undefined && !("error" in expected)) throw answer.error;
  for (const [field, want] of Object.entries(expected)) {
    if (field === "error") checkError(answer, want as Fields);
    else if (field === "findings") checkFindings(answer, want as Fields[]);
    else if (field === "redactions") assert.deepEqual(redactions(answer), want, field);
    else if (field === "records") checkRecords(answer.records ?? [], want as Fields[]);
    else assert.deepEqual(plain(answer, field), want, field);
  }
}

/** A field that is compared as it is. */
function plain(answer: Answer, field: string): unknown {
  const decision = answer.scan ?? answer.redact;
  const withoutPrefix = (name: string | undefined) => name?.slice(name.indexOf("_") + 1);
  switch (field) {
    case "action":
      assert.equal(decision?.blocked, decision?.action === "ACTION_BLOCK");
      return withoutPrefix(decision?.action);
    case "verdict":
      return withoutPrefix(decision?.verdict);
    case "policy":
      return decision?.policy?.name;
    case "recorded":
      return decision?.auditRecordId !== "";
    case "unavailable":
      return decision?.unavailable !== undefined;
    case "texts":
      return (answer.restore ?? answer.redact)?.contents.map((content) => content.text);
    case "released":
    case "early":
      return answer[field];
    case "restored":
      return answer.restore?.restoredCount;
    case "record_count":
      return answer.records?.length;
    case "intact":
      return answer.verified?.done && answer.verified.intact;
    case "principal":
    case "tenant":
    case "roles":
      return answer.info?.[field];
    default:
      throw new Error(`this runner does not know \`${field}\``);
  }
}

function checkFindings(answer: Answer, want: Fields[]): void {
  const findings = answer.scan!.findings.map((finding) => {
    const span = finding.span!;
    return {
      content: finding.contentId,
      entity: finding.entity,
      slice: sliceFinding(answer.sent, finding),
      span: [span.startByte, span.endByte, span.startCodePoint, span.endCodePoint, span.startUtf16, span.endUtf16],
    };
  });
  for (const one of want) {
    const wanted = { ...one, content: String(one["content"]) };
    const found = findings.some((finding) => isSame(finding, wanted));
    assert.ok(found, `${JSON.stringify(wanted)} is not among ${JSON.stringify(findings)}`);
  }
}

function isSame(left: unknown, right: unknown): boolean {
  try {
    assert.deepEqual(left, right);
    return true;
  } catch {
    return false;
  }
}

function redactions(answer: Answer): Fields[] {
  return answer.redact!.contents.flatMap((content, index) =>
    content.redactions.map((redaction) => ({
      content: index,
      entity: redaction.entity,
      slice: slice(answer.sent[index]!.text, redaction.original),
      replacement: slice(content.text, redaction.redacted),
    })),
  );
}

function checkRecords(records: AuditResponse[], want: Fields[]): void {
  assert.equal(records.length, want.length, "number of records");
  want.forEach((wanted, index) => {
    const record = records[index]!.record!;
    const got: Fields = { id: record.id, rpc: record.rpc, action: record.action.replace("ACTION_", "") };
    for (const [field, value] of Object.entries(wanted)) {
      if (field !== "labels") assert.equal(got[field], value, field);
      else for (const [label, text] of Object.entries(value as Fields)) assert.equal(record.labels[label], text, label);
    }
  });
}

function checkError(answer: Answer, want: Fields): void {
  const failure = answer.error ?? answer.scan?.unavailable ?? answer.redact?.unavailable;
  assert.ok(failure instanceof ShieldError, `there is no error: ${JSON.stringify(answer)}`);
  const got: Fields = {
    code: failure.code,
    reason: failure.reason,
    fields: failure.fieldViolations.map((violation) => violation.field),
    resource: failure.resource,
    retry_delay: failure.retryDelayMs > 0,
    quota_subject: failure.quotaViolations[0]?.subject,
  };
  for (const [field, value] of Object.entries(want)) {
    if (field !== "metadata") assert.deepEqual(got[field], value, `${field} of ${failure.message}`);
    else for (const [name, text] of Object.entries(value as Fields)) assert.equal(failure.metadata[name], text, name);
  }
}
