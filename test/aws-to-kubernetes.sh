#!/usr/bin/env bash
# Secrets Manager to Kubernetes, as the README tells it: an AWS in memory, a real kube-apiserver, and the program between them, by hand and then as a daemon that follows events.
# Needs Go, curl and openssl; the first run builds Kubernetes, which takes some minutes. Ends with 0 if everything was as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!AWS_@}" SECRETSYNC_CONFIG KUBECONFIG

dir=$(mktemp -d)
started=()
stop() { # the API server before its etcd
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill "${started[i]}" 2>/dev/null || true; wait "${started[i]}" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT
until_so() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; echo "it did not come to this: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
must() { if ! grep -qE "$1" "$dir/out"; then echo "expected $1 in:" >&2; cat "$dir/out" >&2; exit 1; fi; }
api() { curl -fsS --cacert "$dir/certificates/apiserver.crt" -H "Authorization: Bearer token" "https://127.0.0.1:16443$1" "${@:2}"; }
holds() { [ "$(api "/api/v1/namespaces/default/secrets/$1" | sed -n "s/^ *\"$2\": \"\(.*\)\".*/\1/p" | head -n 1 | base64 -d)" = "$3" ]; }

components=$(test/components/kubernetes/build.sh)
go build -o "$dir/secretsync" ./cmd/secretsync
example=$PWD/docs/example
cd "$dir"
export PATH="$dir:$PATH" HOME="$dir"

openssl genrsa -out accounts.key 2048 2>/dev/null
echo 'token,admin,1,"system:masters"' >tokens.csv
"$components/etcd" --data-dir etcd --unsafe-no-fsync --log-level error --listen-client-urls http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 \
  --listen-peer-urls http://127.0.0.1:12380 --initial-advertise-peer-urls http://127.0.0.1:12380 --initial-cluster default=http://127.0.0.1:12380 >etcd.log 2>&1 &
started+=($!)
"$components/kube-apiserver" --etcd-servers http://127.0.0.1:12379 --bind-address 127.0.0.1 --secure-port 16443 --cert-dir certificates --service-cluster-ip-range 10.0.0.0/24 \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file accounts.key --service-account-signing-key-file accounts.key --token-auth-file tokens.csv \
  --authorization-mode RBAC --endpoint-reconciler-type none --disable-admission-plugins ServiceAccount >apiserver.log 2>&1 &
started+=($!)
cat >kubeconfig <<YAML
{apiVersion: v1, kind: Config, current-context: here, clusters: [{name: here, cluster: {server: "https://127.0.0.1:16443", certificate-authority: "$dir/certificates/apiserver.crt"}}],
 users: [{name: admin, user: {token: token}}], contexts: [{name: here, context: {cluster: here, user: admin}}]}
YAML
export KUBECONFIG=$dir/kubeconfig
until_so api /readyz
until_so api /api/v1/namespaces/default

secretsync sandbox --listen 127.0.0.1:14567 --seed "$example/seed.yaml" >sandbox.log 2>&1 &
started+=($!)
export AWS_ENDPOINT_URL=http://127.0.0.1:14567 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
until_so curl -fsS $AWS_ENDPOINT_URL/_secretsync/health

secretsync sync -c "$example/kubernetes.yaml" >out; must '3 created'
until_so holds db username app
secretsync sync -c "$example/kubernetes.yaml" >out; must '3 unchanged'
secretsync verify -c "$example/kubernetes.yaml" >out; must 'Verified: 3 equal, 0 different, 0 not verified'

secretsync serve -c "$example/kubernetes.yaml" >serve.log 2>&1 &
daemon=$!
started+=($daemon)
until_so curl -fsS http://127.0.0.1:8080/readyz
curl -fsS -o /dev/null "$AWS_ENDPOINT_URL" -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: secretsmanager.PutSecretValue' \
  -H 'Authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=any' \
  -d '{"SecretId": "app/db", "SecretString": "{\"username\": \"app2\"}", "ClientRequestToken": "11111111-1111-4111-8111-111111111111"}'
until_so holds db username app2
curl -fsS http://127.0.0.1:8080/metrics >out; must 'secretsync_events_total\{result="accepted"\} [1-9]'
kill -TERM $daemon
wait $daemon
echo "Secrets Manager to Kubernetes: everything as it should be"
