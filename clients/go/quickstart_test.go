package llmshield_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
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
	want := `blocked: false
EMAIL_ADDRESS ada.lovelace@babbage-engines.com
Write to [EMAIL_ADDRESS] 🚀
Redact ACTION_REDACT
Scan ACTION_REDACT
`
	// The first calls of a debug build on a busy machine may not keep their deadline.
	said := ""
	for give := time.Now().Add(5 * time.Minute); said != want && time.Now().Before(give); {
		output, err := exec.Command(built, target, harness.Clients["all"].Dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		said = string(output)
	}
	if said != want {
		t.Errorf("the quick start says\n%s", said)
	}
}
