// Quickstart asks a server about a prompt.
//
//	go run ./examples/quickstart localhost:8443 /etc/llm-shield/tls
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

func main() {
	target, tls := os.Args[1], os.Args[2]
	ctx := context.Background()

	client, err := llmshield.New(target, llmshield.Directory(tls), llmshield.Block)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	prompt := "Write to ada.lovelace@babbage-engines.com 🚀"
	decision, err := client.ScanText(ctx, prompt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("blocked:", decision.Blocked())
	for _, finding := range decision.GetFindings() {
		text, _ := llmshield.Slice(prompt, finding.GetSpan())
		fmt.Println(finding.GetEntity(), text)
	}

	redacted, err := client.RedactText(ctx, prompt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(redacted.Text())

	for answer, err := range client.Audit(ctx, &shieldv1.AuditRequest{NewestFirst: true, Limit: 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.GetRecord().GetRpc(), answer.GetRecord().GetAction())
	}
}
