package llmshield

import "github.com/llm-shield/llm-shield/clients/go/shieldv1"

// ScanResult is a decision: the server's, or, with Unavailable set, the one that [OnUnavailable] stands for.
type ScanResult struct {
	*shieldv1.ScanResponse
	// Unavailable is why the server made no decision; nil when it did.
	Unavailable *Error
}

// Blocked tells whether the text must not pass.
func (r *ScanResult) Blocked() bool { return r.GetAction() == shieldv1.Action_ACTION_BLOCK }

// RedactResult is the redacted contents and the decision on them: the server's, or, with Unavailable set, what
// [OnUnavailable] stands for: the contents as they were given, or none.
type RedactResult struct {
	*shieldv1.RedactResponse
	// Unavailable is why the server made no decision; nil when it did.
	Unavailable *Error
}

// Blocked tells whether the text must not pass, not even redacted.
func (r *RedactResult) Blocked() bool { return r.GetAction() == shieldv1.Action_ACTION_BLOCK }

// Text returns the first content after redaction, empty when there is none.
func (r *RedactResult) Text() string {
	if len(r.GetContents()) == 0 {
		return ""
	}
	return r.GetContents()[0].GetText()
}

func (o OnUnavailable) action() shieldv1.Action {
	if o == Allow {
		return shieldv1.Action_ACTION_ALLOW
	}
	return shieldv1.Action_ACTION_BLOCK
}

func (o OnUnavailable) scanResult(failure *Error) *ScanResult {
	return &ScanResult{Unavailable: failure, ScanResponse: &shieldv1.ScanResponse{
		Action:    o.action(),
		Verdict:   shieldv1.Verdict_VERDICT_UNDETERMINED,
		Degraded:  true,
		RequestId: failure.RequestID,
	}}
}

func (o OnUnavailable) redactResult(contents []*shieldv1.Content, failure *Error) *RedactResult {
	response := &shieldv1.RedactResponse{
		Action:    o.action(),
		Verdict:   shieldv1.Verdict_VERDICT_UNDETERMINED,
		Degraded:  true,
		RequestId: failure.RequestID,
	}
	if o == Allow {
		for index, content := range contents {
			response.Contents = append(response.Contents, &shieldv1.RedactedContent{
				Id: contentID(content, index), Text: content.GetText(),
			})
		}
	}
	return &RedactResult{Unavailable: failure, RedactResponse: response}
}
