package llmshield_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

func TestTextStreamsInPieces(t *testing.T) {
	client := newClient(t, &scripted{}, llmshield.Block, patient())
	pieces := slices.Values([]string{"ab", "", "\xf0\x9f", "\x9a\x80", strings.Repeat("x", 3<<20)})
	var released uint64
	var action shieldv1.Action
	for answer, err := range client.ScanStream(t.Context(), nil, pieces) {
		must(t, err)
		released = max(released, answer.GetReleasedBytes())
		action = answer.GetSummary().GetAction()
	}
	if released != 6+3<<20 || action != shieldv1.Action_ACTION_ALLOW {
		t.Errorf("%d bytes, %v", released, action)
	}
}

func TestTextStreamIsNotRetried(t *testing.T) {
	server := &scripted{}
	client := newClient(t, server, llmshield.Allow, patient())
	config := &shieldv1.StreamConfig{Policy: "away"}
	var last error
	for _, err := range client.ScanStream(t.Context(), config, slices.Values([]string{"a"})) {
		last = err
	}
	var failure *llmshield.Error
	if !errors.As(last, &failure) || failure.Code != codes.Unavailable || failure.RequestID == "" || server.calls.Load() != 1 {
		t.Errorf("%v after %d calls", last, server.calls.Load())
	}
}

func TestStreamEndsWithItsLoop(t *testing.T) {
	ended := make(chan struct{})
	client := newClient(t, &scripted{audit: func(stream shieldv1.ShieldService_AuditServer) error {
		defer close(ended)
		for {
			if err := stream.Send(&shieldv1.AuditResponse{}); err != nil {
				return err
			}
		}
	}}, llmshield.Block, patient())
	for _, err := range client.Audit(t.Context(), &shieldv1.AuditRequest{}) {
		must(t, err)
		break
	}
	<-ended
}

func TestPiecesAreReadNoFurtherThanTheLoop(t *testing.T) {
	client := newClient(t, &scripted{}, llmshield.Block, patient())
	stopped := make(chan struct{})
	var endless iter.Seq[string] = func(yield func(string) bool) {
		defer close(stopped)
		for yield("piece") {
		}
	}
	for _, err := range client.ScanStream(t.Context(), nil, endless) {
		must(t, err)
		break
	}
	<-stopped
}

func TestSlice(t *testing.T) {
	for _, c := range []struct {
		start, end uint64
		want       string
	}{{0, 0, ""}, {0, 4, "🚀"}, {5, 9, "hé!"}, {0, 9, "🚀 hé!"}} {
		got, err := llmshield.Slice("🚀 hé!", &shieldv1.Span{StartByte: c.start, EndByte: c.end})
		if err != nil || got != c.want {
			t.Errorf("%d..%d is `%s`, %v", c.start, c.end, got, err)
		}
	}
	for _, span := range []*shieldv1.Span{{StartByte: 2, EndByte: 1}, {EndByte: 10}, {StartByte: 1 << 63, EndByte: 1<<64 - 1}} {
		if _, err := llmshield.Slice("🚀 hé!", span); err == nil {
			t.Errorf("%v is a span", span)
		}
	}
	contents := []*shieldv1.Content{llmshield.User("a"), {Id: "b", Text: "bc"}}
	for id, want := range map[string]string{"0": "a", "b": "b"} {
		got, err := llmshield.SliceFinding(contents, &shieldv1.Finding{ContentId: id, Span: &shieldv1.Span{EndByte: 1}})
		if err != nil || got != want {
			t.Errorf("%s has `%s`, %v", id, got, err)
		}
	}
	if _, err := llmshield.SliceFinding(contents, &shieldv1.Finding{ContentId: "1"}); err == nil {
		t.Error("content 1 has an id of its own")
	}
}

func TestRolesOfTexts(t *testing.T) {
	roles := ""
	for _, content := range []*shieldv1.Content{
		llmshield.User(""), llmshield.System(""), llmshield.Assistant(""), llmshield.Tool(""), llmshield.Document(""),
	} {
		roles += fmt.Sprint(content.GetRole().Number())
	}
	if roles != "12345" {
		t.Error(roles)
	}
}
