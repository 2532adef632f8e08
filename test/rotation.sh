#!/usr/bin/env bash
# A password of a real PostgreSQL is rotated and spread to two Regions and a Kubernetes Secret in one command, as the README tells it, and rolled back.
# Needs Go, curl, openssl and PostgreSQL's server; the first run builds Kubernetes, which takes some minutes. Ends with 0 if everything was as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!AWS_@}" "${!PG@}" SECRETSYNC_CONFIG KUBECONFIG

dir=$(mktemp -d)
chmod 755 "$dir"
started=()
stop() { # the API server before its etcd
  [ ! -e "$dir/database/postmaster.pid" ] || kill -INT "$(head -n 1 "$dir/database/postmaster.pid")" 2>/dev/null || true
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill "${started[i]}" 2>/dev/null || true; wait "${started[i]}" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT
until_so() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; echo "it did not come to this: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
must() { if ! grep -qE "$1" "$dir/out"; then echo "expected $1 in:" >&2; cat "$dir/out" >&2; exit 1; fi; }
same() { if [ "$1" != "$2" ]; then echo "$3" >&2; exit 1; fi; }

components=$(test/components/kubernetes/build.sh)
go build -o "$dir/secretsync" ./cmd/secretsync
example=$PWD/docs/example
cd "$dir"
export PATH="$dir:$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)" HOME="$dir"

as=()
if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi # PostgreSQL does not run as root
mkdir database
[ "$(id -u)" != 0 ] || chown 65534:65534 database
echo postgres >superuser
"${as[@]}" initdb -D "$dir/database" -U postgres -A scram-sha-256 --pwfile="$dir/superuser" >database.log 2>&1
"${as[@]}" postgres -D "$dir/database" -p 15432 -c listen_addresses=127.0.0.1 -c unix_socket_directories= >database.log 2>&1 &
started+=($!)
sql() { PGPASSWORD=$2 psql -h 127.0.0.1 -p 15432 -U "$1" -d app -AtXc "$3"; }
until_so env PGPASSWORD=postgres psql -h 127.0.0.1 -p 15432 -U postgres -c 'CREATE DATABASE app'
sql postgres postgres "CREATE ROLE app LOGIN PASSWORD 'only-for-the-sandbox'" >/dev/null

openssl genrsa -out accounts.key 2048 2>/dev/null
echo 'token,admin,1,"system:masters"' >tokens.csv
"$components/etcd" --data-dir etcd --unsafe-no-fsync --log-level error --listen-client-urls http://127.0.0.1:12479 --advertise-client-urls http://127.0.0.1:12479 \
  --listen-peer-urls http://127.0.0.1:12480 --initial-advertise-peer-urls http://127.0.0.1:12480 --initial-cluster default=http://127.0.0.1:12480 >etcd.log 2>&1 &
started+=($!)
"$components/kube-apiserver" --etcd-servers http://127.0.0.1:12479 --bind-address 127.0.0.1 --secure-port 16444 --cert-dir certificates --service-cluster-ip-range 10.0.0.0/24 \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file accounts.key --service-account-signing-key-file accounts.key --token-auth-file tokens.csv \
  --authorization-mode RBAC --endpoint-reconciler-type none --disable-admission-plugins ServiceAccount >apiserver.log 2>&1 &
started+=($!)
cat >kubeconfig <<YAML
{apiVersion: v1, kind: Config, current-context: here, clusters: [{name: here, cluster: {server: "https://127.0.0.1:16444", certificate-authority: "$dir/certificates/apiserver.crt"}}],
 users: [{name: admin, user: {token: token}}], contexts: [{name: here, context: {cluster: here, user: admin}}]}
YAML
export KUBECONFIG=$dir/kubeconfig
api() { curl -fsS --cacert "$dir/certificates/apiserver.crt" -H "Authorization: Bearer token" "https://127.0.0.1:16444$1"; }
until_so api /readyz
until_so api /api/v1/namespaces/default

secretsync sandbox --listen 127.0.0.1:14568 >sandbox.log 2>&1 &
started+=($!)
export AWS_ENDPOINT_URL=http://127.0.0.1:14568 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
until_so curl -fsS $AWS_ENDPOINT_URL/_secretsync/health
aws() { # REGION OPERATION BODY
  curl -fsS "$AWS_ENDPOINT_URL" -H 'Content-Type: application/x-amz-json-1.1' -H "X-Amz-Target: secretsmanager.$2" \
    -H "Authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/$1/secretsmanager/aws4_request, SignedHeaders=host, Signature=any" -d "$3"
}
in_region() { aws "$1" GetSecretValue '{"SecretId": "rds/app"}' | sed -e 's/\\u0026/\&/g' -e 's/\\u003c/</g' -e 's/\\u003e/>/g' | sed -n 's/.*\\"password\\":\\"\([^"\\]*\)\\".*/\1/p'; }
in_cluster() { api /api/v1/namespaces/default/secrets/app | sed -n 's/^ *"password": "\(.*\)".*/\1/p' | head -n 1 | base64 -d; }
aws us-east-1 CreateSecret '{"Name": "rds/app", "ClientRequestToken": "11111111-1111-4111-8111-111111111111", "SecretString":
  "{\"engine\":\"postgres\",\"host\":\"127.0.0.1\",\"port\":15432,\"username\":\"app\",\"password\":\"only-for-the-sandbox\",\"dbname\":\"app\"}"}' >/dev/null

secretsync rotate rds/app -c "$example/rotation.yaml" >out
must 'Rotated \(postgres, single-user\)'
must '3 created'
new=$(in_region us-east-1)
if [ "$new" = only-for-the-sandbox ] || [ -z "$new" ]; then echo "the password is the old one" >&2; exit 1; fi
if grep -qF "$new" out; then echo "the password is in the output" >&2; exit 1; fi
for region in eu-west-1 us-west-2; do same "$(in_region $region)" "$new" "$region has another password"; done
same "$(in_cluster)" "$new" "the cluster has another password"
same "$(sql app "$new" 'SELECT current_user')" app "the new password does not log in"
if sql app only-for-the-sandbox 'SELECT 1' >/dev/null 2>&1; then echo "the old password logs in" >&2; exit 1; fi

secretsync rotate rds/app --rollback -c "$example/rotation.yaml" >out
must 'Rolled back \(postgres, single-user\)'
must '3 updated'
for region in us-east-1 eu-west-1 us-west-2; do same "$(in_region $region)" only-for-the-sandbox "$region was not rolled back"; done
same "$(in_cluster)" only-for-the-sandbox "the cluster was not rolled back"
same "$(sql app only-for-the-sandbox 'SELECT current_user')" app "the password of before does not log in"
echo "A password of PostgreSQL, to two Regions and a Kubernetes Secret: everything as it should be"
