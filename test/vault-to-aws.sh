#!/usr/bin/env bash
# Vault to Secrets Manager, as the README tells it: a real Vault, an AWS in memory, and the program between them.
# Needs Go; the first run builds Vault, which takes some minutes. Ends with 0 if everything was as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!AWS_@}" "${!VAULT_@}" SECRETSYNC_CONFIG

dir=$(mktemp -d)
started=()
stop() { kill "${started[@]}" 2>/dev/null || true; rm -rf "$dir"; }
trap stop EXIT
until_ready() { for _ in $(seq 100); do curl -fsS -o /dev/null "$1" 2>/dev/null && return; sleep 0.1; done; echo "$1 does not answer" >&2; exit 1; }
must() { if ! grep -qE "$1" "$dir/out"; then echo "expected $1 in:" >&2; cat "$dir/out" >&2; exit 1; fi; }

vault=$(test/components/vault/build.sh)/vault
go build -o "$dir/secretsync" ./cmd/secretsync
export PATH="$dir:$PATH" HOME="$dir"

export VAULT_ADDR=http://127.0.0.1:18200 VAULT_TOKEN=root
"$vault" server -dev -dev-root-token-id=root -dev-listen-address=127.0.0.1:18200 -dev-no-store-token >"$dir/vault.log" 2>&1 &
started+=($!)
secretsync sandbox --listen 127.0.0.1:14566 >"$dir/sandbox.log" 2>&1 &
started+=($!)
export AWS_ENDPOINT_URL=http://127.0.0.1:14566 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
until_ready $VAULT_ADDR/v1/sys/health
until_ready $AWS_ENDPOINT_URL/_secretsync/health

"$vault" kv put -mount=secret hybrid-aws-secrets/app username=app password=one >/dev/null
"$vault" kv put -mount=secret hybrid-aws-secrets/team/db password=two >/dev/null
"$vault" kv put -mount=secret elsewhere/app password=three >/dev/null

cd "$dir"
cat >secretsync.yaml <<'YAML'
version: 1
stores:
  vault: {type: vault, mount: secret}        # VAULT_ADDR and VAULT_TOKEN
  aws: {type: aws-secrets-manager}
syncs:
  - name: vault-to-aws
    from: vault
    select: {prefix: [hybrid-aws-secrets/]}
    to: [{store: aws}]
YAML

secretsync plan >out; must '2 to create'
secretsync sync >out; must '2 created'
secretsync verify >out; must 'Verified: 2 equal, 0 different, 0 not verified'
secretsync sync >out; must '2 unchanged'
"$vault" kv put -mount=secret hybrid-aws-secrets/app username=app password=four >/dev/null
secretsync sync >out; must 'hybrid-aws-secrets/app .*new-version .*applied'
secretsync verify >out; must 'Verified: 2 equal, 0 different, 0 not verified'
if secretsync status -o json | grep -q elsewhere; then echo "a secret outside the prefix was copied" >&2; exit 1; fi
echo "Vault to Secrets Manager: everything as it should be"
