#!/usr/bin/env python3
"""Fills an emulated AWS account with what the service needs: keys, a bucket with Object Lock, secrets, a policy.

For moto or another emulator, never for an account: the certificates are those of `llm-shield certs dev`, and the
redaction key is random. Python with boto3 runs it, such as that of `cargo xtask tools moto`, or moto's own image.
What is there already stays.
"""

import argparse
import pathlib
import secrets as random
import time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

KEYS = {
    "alias/llm-shield-audit": {},
    "alias/llm-shield-signing": {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"},
}
TLS = {"cert": "server.pem", "key": "server.key", "client_ca": "ca.pem"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default="http://127.0.0.1:5000", help="the emulator")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--bucket", default="llm-shield-models")
    parser.add_argument("--certificates", type=pathlib.Path, required=True, help="data directory of `certs dev`")
    parser.add_argument("--policies", type=pathlib.Path, help="directory whose *.yaml become the policies")
    options = parser.parse_args()
    session = boto3.Session("emulated", "emulated", region_name=options.region)
    clients = {name: session.client(name, endpoint_url=options.endpoint) for name in ("kms", "s3", "secretsmanager")}
    wait(clients["s3"])
    keys(clients["kms"])
    bucket(clients["s3"], options.bucket, options.policies)
    secrets(clients["secretsmanager"], options.certificates)
    print(f"ready: {options.endpoint}, bucket {options.bucket}")


def wait(s3) -> None:
    """Waits until the emulator answers."""
    for _ in range(120):
        try:
            s3.list_buckets()
            return
        except BotoCoreError:
            time.sleep(0.5)
    raise SystemExit("the emulator does not answer")


def keys(kms) -> None:
    known = {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]}
    for alias, kind in KEYS.items():
        if alias not in known:
            key = kms.create_key(Description="llm-shield, emulated", **kind)["KeyMetadata"]["KeyId"]
            kms.create_alias(AliasName=alias, TargetKeyId=key)


def bucket(s3, name: str, policies: pathlib.Path | None) -> None:
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    for path in sorted(policies.glob("*.yaml")) if policies else []:
        s3.put_object(Bucket=name, Key=f"configs/{path.name}", Body=path.read_bytes())


def secrets(manager, certificates: pathlib.Path) -> None:
    values = {f"llm-shield/tls/{name}": (certificates / file).read_bytes() for name, file in TLS.items()}
    values["llm-shield/redact-key"] = random.token_hex(32).encode()
    for name, value in values.items():
        try:
            manager.create_secret(Name=name, SecretString=value.decode())
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceExistsException":
                raise


if __name__ == "__main__":
    main()
