package llmshield_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const conformanceDirectory = "../conformance"

// files are where a client's certificates lie.
type files struct{ Dir, CA, Cert, Key string }

// harness is the program that runs the real server; conformance/README.md has its protocol.
type harness struct {
	Address    string
	ServerName string `json:"server_name"`
	Clients    map[string]files

	mu     sync.Mutex
	input  io.WriteCloser
	output *bufio.Reader
}

// startHarness starts the server, which ends with the test. Without a server's program the test is skipped, unless one
// was named.
func startHarness(t *testing.T) *harness {
	t.Helper()
	if os.Getenv("LLM_SHIELD_BIN") == "" && !anyExists("../../target/debug/llm-shield", "../../target/release/llm-shield") {
		t.Skip("no server's program: set LLM_SHIELD_BIN, or cargo build -p llm-shield")
	}
	command := exec.Command("python3", filepath.Join(conformanceDirectory, "harness.py"))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	harness := &harness{input: input, output: bufio.NewReader(output)}
	t.Cleanup(func() {
		// The end of its input ends it, and the server.
		input.Close()
		_ = command.Wait()
	})
	harness.read(t, harness)
	return harness
}

// do sends a command and returns what else the answer says.
func (h *harness) do(t *testing.T, command any) map[string]any {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	line, err := json.Marshal(command)
	must(t, err)
	_, err = h.input.Write(append(line, '\n'))
	must(t, err)
	var answer map[string]any
	h.read(t, &answer)
	if answer["ok"] != true {
		t.Fatalf("the harness answers %v to %s", answer, line)
	}
	return answer
}

// seen is how many requests of a method the server has had, whatever became of them.
func (h *harness) seen(t *testing.T, method string) float64 {
	t.Helper()
	counts, _ := h.do(t, map[string]any{"command": "requests"})["requests"].(map[string]any)
	outcomes, _ := counts[method].(map[string]any)
	sum := 0.0
	for _, count := range outcomes {
		sum += count.(float64)
	}
	return sum
}

func (h *harness) read(t *testing.T, into any) {
	t.Helper()
	line, err := h.output.ReadBytes('\n')
	must(t, err)
	must(t, json.Unmarshal(line, into))
}

func anyExists(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
