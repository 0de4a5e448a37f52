package llmshield_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

type suite struct {
	Cases []conformanceCase
}

type conformanceCase struct {
	Name             string
	Identity         string
	OnUnavailable    string `json:"on_unavailable"`
	TLS              string
	DefaultDeadlines bool `json:"default_deadlines"`
	CaseAttempts     int  `json:"case_attempts"`
	Steps            []step
}

type step struct {
	Harness    map[string]any
	Reload     bool
	Call       map[string]any
	Expect     map[string]any
	Eventually bool
	Times      int
	Attempts   float64
	Save       map[string]string
}

// The suite measures no time, and runs on slow machines.
const (
	patientDeadline = 30 * time.Second
	eventuallyLimit = 60 * time.Second
	eventuallyPause = 100 * time.Millisecond
)

func TestConformance(t *testing.T) {
	harness := startHarness(t)
	text, err := os.ReadFile(filepath.Join(conformanceDirectory, "cases.json"))
	must(t, err)
	var suite suite
	must(t, json.Unmarshal(text, &suite))
	if len(suite.Cases) == 0 {
		t.Fatal("there are no cases")
	}
	for _, c := range suite.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var err error
			for attempt := 1; attempt <= max(1, c.CaseAttempts); attempt++ {
				run := caseRun{T: t, harness: harness, c: c, saved: map[string]string{"attempt": fmt.Sprint(attempt)}}
				if err = run.run(); err == nil {
					return
				}
			}
			t.Error(err)
		})
	}
}

type caseRun struct {
	*testing.T
	harness *harness
	c       conformanceCase
	client  *llmshield.Client
	saved   map[string]string
}

func (r *caseRun) run() error {
	identity := strings.ReplaceAll(r.c.Identity, "$attempt", r.saved["attempt"])
	paths, ok := r.harness.Clients[identity]
	if !ok {
		r.Fatalf("the harness has no client `%s`", identity)
	}
	source := llmshield.Files(paths.CA, paths.Cert, paths.Key)
	if r.c.TLS == "directory" {
		source = llmshield.Directory(paths.Dir)
	}
	onUnavailable := llmshield.Block
	if r.c.OnUnavailable == "allow" {
		onUnavailable = llmshield.Allow
	}
	options := []llmshield.Option{llmshield.WithServerName(r.harness.ServerName)}
	if !r.c.DefaultDeadlines {
		options = append(options, llmshield.WithTimeouts(llmshield.Timeouts{
			Scan: patientDeadline, Redact: patientDeadline, Audit: patientDeadline, Other: patientDeadline,
		}))
	}
	client, err := llmshield.New(r.harness.Address, source, onUnavailable, options...)
	must(r.T, err)
	defer client.Close()
	r.client = client
	for index, step := range r.c.Steps {
		if err := r.step(step); err != nil {
			return fmt.Errorf("step %d: %w", index, err)
		}
	}
	return nil
}

func (r *caseRun) step(step step) error {
	if step.Harness != nil {
		r.harness.do(r.T, r.filled(step.Harness))
		return nil
	}
	if step.Reload {
		return r.client.Reload(r.Context())
	}
	for range max(1, step.Times) {
		if err := r.callOften(step); err != nil {
			return err
		}
	}
	return nil
}

func (r *caseRun) callOften(step step) error {
	give := time.Now().Add(eventuallyLimit)
	for {
		err := r.callOnce(step)
		if err == nil || !step.Eventually || time.Now().After(give) {
			return err
		}
		time.Sleep(eventuallyPause)
	}
}

func (r *caseRun) callOnce(step step) error {
	call := r.filled(step.Call).(map[string]any)
	rpc, _ := call["rpc"].(string)
	method := methods[rpc]
	before := 0.0
	if step.Attempts > 0 {
		before = r.harness.seen(r.T, method)
	}
	answer := r.call(rpc, call)
	if step.Attempts > 0 {
		if seen := r.harness.seen(r.T, method) - before; seen != step.Attempts {
			return fmt.Errorf("%s was attempted %v times and not %v", rpc, seen, step.Attempts)
		}
	}
	if err := answer.check(r.filled(step.Expect).(map[string]any)); err != nil {
		return fmt.Errorf("%s: %w", rpc, err)
	}
	for name, what := range step.Save {
		r.saved[name] = answer.saved(what)
	}
	return nil
}

var methods = map[string]string{
	"scan": "Scan", "redact": "Redact", "restore": "Restore", "audit": "Audit", "verify_audit": "VerifyAudit",
	"server_info": "GetServerInfo", "scan_stream": "ScanStream", "redact_stream": "RedactStream",
}

// call makes the call that a step says.
func (r *caseRun) call(rpc string, fields map[string]any) *answer {
	ctx := r.Context()
	if milliseconds, ok := fields["timeout_ms"].(float64); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(milliseconds)*time.Millisecond)
		defer cancel()
	}
	answer := &answer{}
	switch rpc {
	case "scan":
		request := message(r.T, &shieldv1.ScanRequest{}, fields)
		answer.sent = request.GetContents()
		answer.scan, answer.err = r.client.Scan(ctx, request)
	case "redact":
		request := message(r.T, &shieldv1.RedactRequest{}, fields)
		answer.sent = request.GetContents()
		answer.redact, answer.err = r.client.Redact(ctx, request)
	case "restore":
		answer.restore, answer.err = r.client.Restore(ctx, message(r.T, &shieldv1.RestoreRequest{}, fields))
	case "audit":
		for record, err := range r.client.Audit(ctx, message(r.T, &shieldv1.AuditRequest{}, fields)) {
			if answer.err = err; err == nil {
				answer.records = append(answer.records, record)
			}
		}
	case "verify_audit":
		for report, err := range r.client.VerifyAudit(ctx, &shieldv1.VerifyAuditRequest{}) {
			answer.verified, answer.err = report, err
		}
	case "scan_stream":
		r.scanStream(ctx, fields, answer)
	case "redact_stream":
		r.redactStream(ctx, fields, answer)
	case "server_info":
		answer.info, answer.err = r.client.ServerInfo(ctx)
	default:
		r.Fatalf("no such call: %s", rpc)
	}
	return answer
}

// scanStream gives the summary the findings as they came piece by piece.
func (r *caseRun) scanStream(ctx context.Context, fields map[string]any, answer *answer) {
	var findings []*shieldv1.Finding
	config, pieces := r.opened(fields, answer)
	for message, err := range r.client.ScanStream(ctx, config, pieces) {
		answer.err = err
		switch message := message.GetMessage().(type) {
		case *shieldv1.ScanStreamResponse_Finding:
			findings = append(findings, message.Finding)
		case *shieldv1.ScanStreamResponse_ReleasedBytes:
			answer.released, answer.pieces = message.ReleasedBytes, answer.pieces+1
		case *shieldv1.ScanStreamResponse_Summary:
			message.Summary.Findings = findings
			answer.scan = &llmshield.ScanResult{ScanResponse: message.Summary}
		}
	}
}

// redactStream gives the summary the text as it came piece by piece.
func (r *caseRun) redactStream(ctx context.Context, fields map[string]any, answer *answer) {
	text := ""
	config, pieces := r.opened(fields, answer)
	for message, err := range r.client.RedactStream(ctx, config, pieces) {
		answer.err = err
		switch message := message.GetMessage().(type) {
		case *shieldv1.RedactStreamResponse_Delta:
			text, answer.pieces = text+message.Delta, answer.pieces+1
		case *shieldv1.RedactStreamResponse_Summary:
			message.Summary.Contents[0].Text = text
			answer.redact = &llmshield.RedactResult{RedactResponse: message.Summary}
		}
	}
}

// opened is what a case has for a stream: how it is opened, and its pieces.
func (r *caseRun) opened(fields map[string]any, answer *answer) (*shieldv1.StreamConfig, iter.Seq[string]) {
	config, _ := fields["config"].(map[string]any)
	text, _ := fields["text"].(string)
	size, ok := fields["piece_bytes"].(float64)
	if !ok {
		size = float64(max(1, len(text)))
	}
	answer.sent = []*shieldv1.Content{{Text: text}}
	pieces := func(yield func(string) bool) {
		for piece := range slices.Chunk([]byte(text), int(size)) {
			if !yield(string(piece)) {
				return
			}
		}
	}
	return message(r.T, &shieldv1.StreamConfig{}, config), pieces
}

// message makes a request of the fields that a case has for it.
func message[T proto.Message](t *testing.T, request T, fields map[string]any) T {
	t.Helper()
	own := map[string]any{}
	for name, value := range fields {
		if name != "rpc" && name != "timeout_ms" {
			own[name] = prefixed(name, value)
		}
	}
	text, err := json.Marshal(own)
	must(t, err)
	must(t, protojson.Unmarshal(text, request))
	return request
}

// prefixed gives the values of enums their prefix.
func prefixed(name string, value any) any {
	prefix := map[string]string{"role": "ROLE_", "direction": "DIRECTION_", "actions": "ACTION_", "mode": "STREAM_MODE_"}[name]
	switch value := value.(type) {
	case string:
		return prefix + value
	case []any:
		values := make([]any, len(value))
		for index := range value {
			values[index] = prefixed(name, value[index])
		}
		return values
	case map[string]any:
		values := map[string]any{}
		for inner := range value {
			if name == "labels" {
				values[inner] = value[inner]
			} else {
				values[inner] = prefixed(inner, value[inner])
			}
		}
		return values
	default:
		return value
	}
}

// filled is a value of a case with its repeated strings written out and saved ones put in.
func (r *caseRun) filled(value any) any {
	switch value := value.(type) {
	case string:
		if saved, ok := r.saved[strings.TrimPrefix(value, "$")]; ok && strings.HasPrefix(value, "$") {
			return saved
		}
		return strings.ReplaceAll(value, "$attempt", r.saved["attempt"])
	case []any:
		values := make([]any, len(value))
		for index := range value {
			values[index] = r.filled(value[index])
		}
		return values
	case map[string]any:
		if repeat, ok := value["repeat"].(string); ok && len(value) == 2 {
			return strings.Repeat(repeat, int(value["times"].(float64)))
		}
		values := map[string]any{}
		for name := range value {
			values[name] = r.filled(value[name])
		}
		return values
	default:
		return value
	}
}
