// Package secretsmanager reads the certificates of a client of llm-shield from AWS Secrets Manager. It is a module of its
// own, so that who has them in files does not have the AWS SDK.
package secretsmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	llmshield "github.com/llm-shield/llm-shield/clients/go"
)

// reloadInterval is that of all clients: secrets cost by the call.
const reloadInterval = 5 * time.Minute

// Getter is the part of the SDK's client that is needed.
type Getter interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Secret is a secret that holds {"ca": "PEM", "cert": "PEM", "key": "PEM"}, read by its stage AWSCURRENT. The SDK is
// configured by its environment: region, endpoint, and role or keys.
func Secret(ctx context.Context, id string) (llmshield.CertificateSource, error) {
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the AWS SDK has no configuration: %w", err)
	}
	return SecretOf(secretsmanager.NewFromConfig(loaded), id), nil
}

// SecretOf is [Secret] by a client of the SDK that is there already.
func SecretOf(client Getter, id string) llmshield.CertificateSource { return &source{client, id} }

type source struct {
	client Getter
	id     string
}

// ReloadInterval is how often the secret is read.
func (*source) ReloadInterval() time.Duration { return reloadInterval }

// Load reads the secret.
func (s *source) Load(ctx context.Context) (*llmshield.Certificates, error) {
	secret, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(s.id), VersionStage: aws.String("AWSCURRENT"),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret `%s`: %w", s.id, err)
	}
	text := secret.SecretBinary
	if secret.SecretString != nil {
		text = []byte(*secret.SecretString)
	}
	var parts struct{ CA, Cert, Key string }
	// The cause may quote the text, and that has a key in it.
	if json.Unmarshal(text, &parts) != nil || parts.CA == "" || parts.Cert == "" || parts.Key == "" {
		return nil, fmt.Errorf("the secret `%s` does not hold the strings ca, cert and key", s.id)
	}
	return &llmshield.Certificates{
		Authorities: []byte(parts.CA), Chain: []byte(parts.Cert), Key: []byte(parts.Key),
	}, nil
}
