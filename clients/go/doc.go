// Package llmshield is the Go client of llm-shield, the security checkpoint for LLM traffic.
//
//	client, err := llmshield.New("shield.internal:8443", llmshield.Directory("/etc/llm-shield/tls"), llmshield.Block)
//	decision, err := client.ScanText(ctx, prompt)
//	if decision.Blocked() { ... }
//
// A [Client] keeps one authenticated connection to each address that the target's name resolves to, takes up renewed
// certificates by itself, and is safe for concurrent use. A blocked prompt is an answer and no error. When no decision
// can be had, [Client.Scan] and [Client.Redact] answer by the [OnUnavailable] that [New] was given, and the answer says
// so; every other failure is an [*Error].
//
// The messages are those of the schema, in package shieldv1.
package llmshield
