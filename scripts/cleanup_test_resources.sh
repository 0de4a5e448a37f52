#!/usr/bin/env bash
# Removes what broken test runs have left in the account of the environment's credentials: secrets below
# `llm-shield/test/`, objects below `test/` in TEST_S3_BUCKET, log groups below `/llm-shield-test/`, test keys of KMS.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --locked --quiet -p llm-shield-cloud-aws --example clean_up_test_resources
