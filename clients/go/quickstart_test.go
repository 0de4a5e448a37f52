package llmshield_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
)

// The quick start is in README.md as it is run here.
func TestQuickStart(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	must(t, err)
	program, err := os.ReadFile("examples/quickstart/main.go")
	must(t, err)
	_, block, _ := strings.Cut(string(readme), "```go\n")
	block, _, _ = strings.Cut(block, "```\n")
	if _, code, _ := strings.Cut(string(program), "package main\n"); !strings.HasSuffix(block, code) || block == "" {
		t.Error("README.md has not the program of examples/quickstart")
	}
	harness := startHarness(t)
	built := t.TempDir() + "/quickstart"
	if output, err := exec.Command("go", "build", "-o", built, "./examples/quickstart").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	target := strings.Replace(harness.Address, "127.0.0.1", harness.ServerName, 1)
	warmUp(t, harness)
	output, err := exec.Command(built, target, harness.Clients["all"].Dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	want := `blocked: false
EMAIL_ADDRESS ada.lovelace@babbage-engines.com
Write to [EMAIL_ADDRESS] 🚀
Redact ACTION_REDACT
Scan ACTION_REDACT
`
	if string(output) != want {
		t.Errorf("the quick start says\n%s", output)
	}
}

// warmUp waits until a call keeps the default deadline, which the first ones of a debug build on a busy machine may not.
func warmUp(t *testing.T, harness *harness) {
	t.Helper()
	client, err := llmshield.New(harness.Address, llmshield.Directory(harness.Clients["all"].Dir), llmshield.Block,
		llmshield.WithServerName(harness.ServerName))
	must(t, err)
	defer client.Close()
	for give := time.Now().Add(eventuallyLimit); time.Now().Before(give); {
		if result, err := client.ScanText(t.Context(), "Good morning."); err == nil && result.Unavailable == nil {
			return
		}
	}
	t.Fatal("no call kept its deadline")
}
