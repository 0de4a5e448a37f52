package llmshield_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

// answer is what came of a call of a conformance case.
type answer struct {
	sent     []*shieldv1.Content
	scan     *llmshield.ScanResult
	redact   *llmshield.RedactResult
	restore  *shieldv1.RestoreResponse
	records  []*shieldv1.AuditResponse
	verified *shieldv1.VerifyAuditResponse
	info     *shieldv1.GetServerInfoResponse
	released uint64
	pieces   int
	err      error
}

// failure is the error of the call, or the one that the answer carries.
func (a *answer) failure() *llmshield.Error {
	switch {
	case a.err != nil:
		return llmshield.AsError(a.err)
	case a.scan != nil:
		return a.scan.Unavailable
	case a.redact != nil:
		return a.redact.Unavailable
	default:
		return nil
	}
}

func (a *answer) saved(what string) string {
	switch what {
	case "audit_record_id":
		return a.response().GetAuditRecordId()
	case "text":
		return a.redact.Text()
	default:
		return a.records[len(a.records)-1].GetNextPageToken()
	}
}

func (a *answer) check(expected map[string]any) error {
	if _, has := expected["error"]; !has && a.err != nil {
		return a.err
	}
	for field, want := range expected {
		if err := a.checkField(field, want); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

func (a *answer) checkField(field string, want any) error {
	switch field {
	case "error":
		return checkError(a.failure(), want.(map[string]any))
	case "findings":
		return a.checkFindings(want.([]any))
	case "redactions":
		return a.checkRedactions(want.([]any))
	case "records":
		return a.checkRecords(want.([]any))
	default:
		return same(a.plain(field), want)
	}
}

// decision is what answers to Scan and Redact have in common.
type decision interface {
	GetAction() shieldv1.Action
	GetVerdict() shieldv1.Verdict
	GetPolicy() *shieldv1.PolicyInfo
	GetAuditRecordId() string
}

func (a *answer) response() decision {
	if a.redact != nil {
		return a.redact.RedactResponse
	}
	if a.scan != nil {
		return a.scan.ScanResponse
	}
	return (*shieldv1.ScanResponse)(nil)
}

// plain is a field that is compared as it is.
func (a *answer) plain(field string) any {
	response := a.response()
	switch field {
	case "action":
		return strings.TrimPrefix(response.GetAction().String(), "ACTION_")
	case "verdict":
		return strings.TrimPrefix(response.GetVerdict().String(), "VERDICT_")
	case "policy":
		return response.GetPolicy().GetName()
	case "recorded":
		return response.GetAuditRecordId() != ""
	case "unavailable":
		return a.failure() != nil
	case "texts":
		return a.texts()
	case "released":
		return float64(a.released)
	case "early":
		return a.pieces > 1
	case "restored":
		return float64(a.restore.GetRestoredCount())
	case "record_count":
		return float64(len(a.records))
	case "intact":
		return a.verified.GetDone() && a.verified.GetIntact()
	case "principal":
		return a.info.GetPrincipal()
	case "tenant":
		return a.info.GetTenant()
	case "roles":
		return list(a.info.GetRoles(), func(role string) string { return role })
	default:
		return "a field that this runner does not know"
	}
}

func (a *answer) texts() []any {
	if a.restore != nil {
		return list(a.restore.GetContents(), (*shieldv1.Content).GetText)
	}
	return list(a.redact.GetContents(), (*shieldv1.RedactedContent).GetText)
}

func (a *answer) checkFindings(want []any) error {
	for _, want := range want {
		want := want.(map[string]any)
		matches := func(finding *shieldv1.Finding) bool {
			span := finding.GetSpan()
			slice, err := llmshield.SliceFinding(a.sent, finding)
			return err == nil && slice == want["slice"] &&
				finding.GetContentId() == fmt.Sprint(want["content"]) && finding.GetEntity() == want["entity"] &&
				reflect.DeepEqual(want["span"], list([]uint64{
					span.GetStartByte(), span.GetEndByte(), span.GetStartCodePoint(), span.GetEndCodePoint(),
					span.GetStartUtf16(), span.GetEndUtf16(),
				}, func(offset uint64) float64 { return float64(offset) }))
		}
		if !slices.ContainsFunc(a.scan.GetFindings(), matches) {
			return fmt.Errorf("none is %v: %v", want, a.scan.GetFindings())
		}
	}
	return nil
}

func (a *answer) checkRedactions(want []any) error {
	var got []any
	for index, content := range a.redact.GetContents() {
		for _, redaction := range content.GetRedactions() {
			original, err := llmshield.Slice(a.sent[index].GetText(), redaction.GetOriginal())
			if err != nil {
				return err
			}
			replacement, err := llmshield.Slice(content.GetText(), redaction.GetRedacted())
			if err != nil {
				return err
			}
			got = append(got, map[string]any{
				"content": float64(index), "entity": redaction.GetEntity(), "slice": original, "replacement": replacement,
			})
		}
	}
	if len(got) == 0 && len(want) == 0 {
		return nil
	}
	return same(got, want)
}

func (a *answer) checkRecords(want []any) error {
	if len(want) != len(a.records) {
		return fmt.Errorf("%d records and not %d", len(a.records), len(want))
	}
	for index, want := range want {
		record := a.records[index].GetRecord()
		got := map[string]any{
			"id": record.GetId(), "rpc": record.GetRpc(),
			"action": strings.TrimPrefix(record.GetAction().String(), "ACTION_"),
		}
		for field, want := range want.(map[string]any) {
			if field == "labels" {
				for label, want := range want.(map[string]any) {
					if err := same(record.GetLabels()[label], want); err != nil {
						return err
					}
				}
			} else if err := same(got[field], want); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkError(failure *llmshield.Error, want map[string]any) error {
	if failure == nil {
		return fmt.Errorf("there is none")
	}
	subjects := list(failure.QuotaViolations, func(v llmshield.QuotaViolation) string { return v.Subject })
	got := map[string]any{
		"code":        codeName(failure.Code),
		"reason":      failure.Reason,
		"fields":      list(failure.FieldViolations, func(v llmshield.FieldViolation) string { return v.Field }),
		"resource":    failure.Resource,
		"retry_delay": failure.RetryDelay > 0,
	}
	if len(subjects) > 0 {
		got["quota_subject"] = subjects[0]
	}
	for field, want := range want {
		if field == "metadata" {
			for name, want := range want.(map[string]any) {
				if err := same(failure.Metadata[name], want); err != nil {
					return fmt.Errorf("metadata %s: %w", name, err)
				}
			}
		} else if err := same(got[field], want); err != nil {
			return fmt.Errorf("%s: %w (%w)", field, err, failure)
		}
	}
	return nil
}

// codeName is a code as the specification of gRPC writes it.
func codeName(code codes.Code) string {
	var name strings.Builder
	for index, letter := range code.String() {
		if index > 0 && letter >= 'A' && letter <= 'Z' {
			name.WriteByte('_')
		}
		name.WriteRune(letter)
	}
	return strings.ToUpper(name.String())
}

func same(got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("it is `%v` and not `%v`", got, want)
	}
	return nil
}

// list turns values into what JSON makes of a list.
func list[T, U any](values []T, field func(T) U) []any {
	made := []any{}
	for _, value := range values {
		made = append(made, field(value))
	}
	return made
}
