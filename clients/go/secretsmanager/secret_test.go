package secretsmanager_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	aws_secretsmanager "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/llm-shield/llm-shield/clients/go/secretsmanager"
)

// startMoto runs an emulation of AWS, and points the SDK at it.
func startMoto(t *testing.T) {
	t.Helper()
	program := os.Getenv("MOTO_SERVER")
	if program == "" {
		t.Skip("no emulation of AWS: MOTO_SERVER names the program moto_server")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	listener.Close()
	host, port, _ := strings.Cut(address, ":")
	moto := exec.Command(program, "--host", host, "--port", port)
	must(t, moto.Start())
	t.Cleanup(func() {
		_ = moto.Process.Kill()
		_ = moto.Wait()
	})
	for give := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/moto-api/data.json")
		if err == nil {
			response.Body.Close()
			break
		}
		if time.Now().After(give) {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://" + address, "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(name, value)
	}
}

func TestSecret(t *testing.T) {
	startMoto(t)
	ctx := t.Context()
	loaded, err := config.LoadDefaultConfig(ctx)
	must(t, err)
	client := aws_secretsmanager.NewFromConfig(loaded)
	_, err = client.CreateSecret(ctx, &aws_secretsmanager.CreateSecretInput{
		Name: aws.String("shield/client"), SecretString: aws.String(`{"ca": "A", "cert": "B", "key": "C"}`),
	})
	must(t, err)
	source, err := secretsmanager.Secret(ctx, "shield/client")
	must(t, err)
	certificates, err := source.Load(ctx)
	must(t, err)
	if got := string(certificates.Authorities) + string(certificates.Chain) + string(certificates.Key); got != "ABC" {
		t.Errorf("it holds %s", got)
	}
	_, err = client.PutSecretValue(ctx, &aws_secretsmanager.PutSecretValueInput{
		SecretId: aws.String("shield/client"), SecretBinary: []byte(`{"ca": "A", "cert": "B", "key": "D"}`),
	})
	must(t, err)
	certificates, err = source.Load(ctx)
	must(t, err)
	if string(certificates.Key) != "D" {
		t.Errorf("its key is still %s", certificates.Key)
	}
	if _, err := secretsmanager.SecretOf(client, "shield/none").Load(ctx); err == nil {
		t.Error("a secret that is not there was read")
	}
}

// holding is a secret of this text.
type holding string

func (h holding) GetSecretValue(context.Context, *aws_secretsmanager.GetSecretValueInput, ...func(*aws_secretsmanager.Options)) (*aws_secretsmanager.GetSecretValueOutput, error) {
	return &aws_secretsmanager.GetSecretValueOutput{SecretString: aws.String(string(h))}, nil
}

func TestUnfitSecretsAreRefusedAndNotQuoted(t *testing.T) {
	for _, text := range []string{"", "PRIVATE", `{"ca": "A", "cert": "B"}`, `{"ca": "A", "cert": "B", "key": 5}`, `["PRIVATE"]`} {
		certificates, err := secretsmanager.SecretOf(holding(text), "s").Load(t.Context())
		if err == nil || strings.Contains(fmt.Sprint(err), "PRIVATE") {
			t.Errorf("`%s`: %v, %v", text, certificates, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
