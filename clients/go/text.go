package llmshield

import (
	"fmt"
	"strconv"

	"github.com/llm-shield/llm-shield/clients/go/shieldv1"
)

// User is a text of the end user.
func User(text string) *shieldv1.Content { return content(shieldv1.Role_ROLE_USER, text) }

// System is the application's own instructions.
func System(text string) *shieldv1.Content { return content(shieldv1.Role_ROLE_SYSTEM, text) }

// Assistant is a text of the model.
func Assistant(text string) *shieldv1.Content { return content(shieldv1.Role_ROLE_ASSISTANT, text) }

// Tool is what goes to a tool, or comes back from it.
func Tool(text string) *shieldv1.Content { return content(shieldv1.Role_ROLE_TOOL, text) }

// Document is a text from elsewhere: a page, a mail, a retrieved passage.
func Document(text string) *shieldv1.Content { return content(shieldv1.Role_ROLE_DOCUMENT, text) }

func content(role shieldv1.Role, text string) *shieldv1.Content {
	return &shieldv1.Content{Role: role, Text: text}
}

// Slice returns the part of text that span says, in bytes, as Go indexes strings.
func Slice(text string, span *shieldv1.Span) (string, error) {
	start, end := span.GetStartByte(), span.GetEndByte()
	if start > end || end > uint64(len(text)) {
		return "", fmt.Errorf("llmshield: the span %d..%d is not of a text of %d bytes", start, end, len(text))
	}
	return text[start:end], nil
}

// SliceFinding returns the part of the request's contents that a finding is about.
func SliceFinding(contents []*shieldv1.Content, finding *shieldv1.Finding) (string, error) {
	for index, content := range contents {
		if contentID(content, index) == finding.GetContentId() {
			return Slice(content.GetText(), finding.GetSpan())
		}
	}
	return "", fmt.Errorf("llmshield: no content has the id of the finding `%s`", finding.GetRuleId())
}

// contentID is how answers name a content.
func contentID(content *shieldv1.Content, index int) string {
	if content.GetId() != "" {
		return content.GetId()
	}
	return strconv.Itoa(index)
}
