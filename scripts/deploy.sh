#!/usr/bin/env bash
# Builds the Lambda filters and puts them into their functions, or runs them here. Terraform makes the functions; this
# changes their code.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: scripts/deploy.sh [OPTIONS]

  --dry-run         show what would be done, and do nothing
  --local           run both filters here: API Gateway, Lambda's runtime API, a model and the service on the loopback
                    interface, until Ctrl-C. LLM_SHIELD_ENDPOINT and LLM_SHIELD_TLS_DIR name another service
  --cold-start N    measure N cold starts of each filter here, and end
  --prefix NAME     prefix of the functions' names: NAME-input-filter, NAME-output-filter (default: llm-shield)
  --arch ARCH       arm64 (default) or x86_64; that of the functions
  --region REGION   AWS region (default: that of the AWS CLI's configuration)
  --role ARN        make functions that are not there, with this role
  --bin-dir DIR     take the programs from DIR instead of building them
  --out DIR         where the packages go (default: target/lambda)
  --until-eof       with --local: end when the standard input does

Builds with cargo-lambda where it is installed, else with cargo, which can build for this machine's architecture only
unless a C compiler and linker for the other is set up. Uploads with the AWS CLI and its credentials.
USAGE
}

fail() {
  echo "deploy.sh: $*" >&2
  exit 2
}

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
dry_run=false local=false cold_start="" prefix=llm-shield arch=arm64 region="" role="" bin_dir="" out="" until_eof=false
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=true ;;
    --local) local=true ;;
    --until-eof) until_eof=true ;;
    --cold-start | --prefix | --arch | --region | --role | --bin-dir | --out)
      [ $# -ge 2 ] || fail "$1 needs a value"
      name=${1#--} && name=${name//-/_}
      printf -v "$name" '%s' "$2"
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && fail "there is no option \`$1\`" ;;
  esac
  shift
done
functions=(input_filter output_filter)
# Terraform uploads this one: it belongs to the secrets that it renews.
packaged=(rotate)
target=${CARGO_TARGET_DIR:-$root/target}
out=${out:-$target/lambda}

run() {
  if $dry_run; then
    printf '+' && printf ' %q' "$@" && echo
  else
    "$@"
  fi
}

triple() {
  case $arch in
    arm64) echo aarch64-unknown-linux-gnu ;;
    x86_64) echo x86_64-unknown-linux-gnu ;;
    *) fail "--arch has to be arm64 or x86_64" ;;
  esac
}

# Builds for Lambda and sets bin_dir.
build() {
  local for_target
  for_target=$(triple)
  if cargo lambda --version >/dev/null 2>&1; then
    run cargo lambda build --manifest-path "$root/Cargo.toml" --package llm-shield-lambda --release --locked \
      --target "$for_target" --lambda-dir "$out/build"
    for function in "${functions[@]}" "${packaged[@]}"; do
      run cp "$out/build/$function/bootstrap" "$out/$function"
    done
    bin_dir=$out
  else
    run cargo build --manifest-path "$root/Cargo.toml" --package llm-shield-lambda --release --locked --bins \
      --target "$for_target"
    bin_dir=$target/$for_target/release
  fi
}

# Amazon Linux 2023 has glibc 2.34: what needs a newer one would not start.
check_glibc() {
  local newest
  command -v objdump >/dev/null || return 0
  newest=$(objdump -T "$1" 2>/dev/null | grep -o 'GLIBC_2\.[0-9.]*' | sort -Vu | tail -n 1 || true)
  [ -z "$newest" ] || [ "$(printf '%s\nGLIBC_2.34\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.34 ] ||
    fail "$1 needs $newest, and Lambda has GLIBC_2.34: build with cargo-lambda (pip install cargo-lambda)"
}

# The same program gives the same package.
package() {
  python3 - "$1" "$2" <<'PACKAGE'
import sys, zipfile
program, package = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with open(program, "rb") as source, zipfile.ZipFile(package, "w") as archive:
    archive.writestr(entry, source.read())
PACKAGE
}

upload() {
  local name=$prefix-${1//_/-} aws=(aws)
  [ -z "$region" ] || aws+=(--region "$region")
  aws+=(lambda)
  if [ -n "$role" ] && ! $dry_run && ! "${aws[@]}" get-function --function-name "$name" >/dev/null 2>&1; then
    run "${aws[@]}" create-function --function-name "$name" --runtime provided.al2023 --handler bootstrap \
      --role "$role" --architectures "$arch" --memory-size 256 --timeout 29 --zip-file "fileb://$2"
  else
    run "${aws[@]}" update-function-code --function-name "$name" --architectures "$arch" --publish \
      --zip-file "fileb://$2"
  fi
  run "${aws[@]}" wait function-updated-v2 --function-name "$name"
  check_digest "$name" "$2" "${aws[@]}"
}

# What Lambda says it runs has to be the package that was made here.
check_digest() {
  local name=$1 package=$2 ours theirs
  shift 2
  if $dry_run; then
    run "$@" get-function-configuration --function-name "$name" --query CodeSha256 --output text
    return
  fi
  ours=$(python3 -c 'import base64, hashlib, sys
print(base64.b64encode(hashlib.sha256(open(sys.argv[1], "rb").read()).digest()).decode())' "$package")
  theirs=$("$@" get-function-configuration --function-name "$name" --query CodeSha256 --output text)
  [ "$ours" = "$theirs" ] || fail "$name runs $theirs, and $package is $ours"
}

# Runs the filters here, built for this machine.
run_here() {
  local emulator=(python3 "$root/clients/lambda/local/emulator.py") profile=debug
  local options=()
  if [ -n "$cold_start" ]; then
    profile=release options=(--release)
  fi
  if [ -z "$bin_dir" ]; then
    run cargo build --manifest-path "$root/Cargo.toml" --locked --package llm-shield-lambda --bins "${options[@]}"
    bin_dir=$target/$profile
  fi
  emulator+=(--bin-dir "$bin_dir")
  if [ -z "${LLM_SHIELD_ENDPOINT:-}" ]; then
    if [ -z "${LLM_SHIELD_BIN:-}" ]; then
      run cargo build --manifest-path "$root/Cargo.toml" --locked --package llm-shield --bin llm-shield
      LLM_SHIELD_BIN=$target/debug/llm-shield
    fi
    emulator+=(--server "$LLM_SHIELD_BIN")
  fi
  [ -z "$cold_start" ] || emulator+=(--cold-start "$cold_start")
  ! $until_eof || emulator+=(--until-eof)
  if $dry_run; then
    run "${emulator[@]}"
  else
    exec "${emulator[@]}"
  fi
}

if $local || [ -n "$cold_start" ]; then
  run_here
  exit
fi
triple >/dev/null
run mkdir -p "$out"
[ -n "$bin_dir" ] || build
for function in "${functions[@]}" "${packaged[@]}"; do
  $dry_run || check_glibc "$bin_dir/$function"
  run package "$bin_dir/$function" "$out/$function.zip"
done
for function in "${functions[@]}"; do
  upload "$function" "$out/$function.zip"
done
