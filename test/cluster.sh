# shellcheck shell=bash
# What the stories with a real kube-apiserver have in common; they source it, from the root of the project. It sets components and example, makes dir, goes there, and ends what is in started
# when they end.

dir=$(mktemp -d)
started=()
stop() { # the API server before its etcd
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill "${started[i]}" 2>/dev/null || true; wait "${started[i]}" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT
until_so() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; echo "it did not come to this: $*" >&2; cat "$dir"/*.log >&2; exit 1; }
must() { if ! grep -qE "$1" "$dir/out"; then echo "expected $1 in:" >&2; cat "$dir/out" >&2; exit 1; fi; }

components=$(test/components/kubernetes/build.sh)
go build -o "$dir/secretsync" ./cmd/secretsync
example=$PWD/docs/example
cd "$dir" || exit 1
export PATH="$dir:$PATH" HOME="$dir"

# start_cluster PORT starts etcd at PORT and PORT+1 and a kube-apiserver at PORT+2, and waits until it is ready.
start_cluster() {
  local etcd=http://127.0.0.1:$1 peer=http://127.0.0.1:$(($1 + 1))
  apiserver=https://127.0.0.1:$(($1 + 2))
  openssl genrsa -out accounts.key 2048 2>/dev/null
  echo 'token,admin,1,"system:masters"' >tokens.csv
  "$components/etcd" --data-dir etcd --unsafe-no-fsync --log-level error --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" >etcd.log 2>&1 &
  started+=($!)
  "$components/kube-apiserver" --etcd-servers "$etcd" --bind-address 127.0.0.1 --secure-port $(($1 + 2)) --cert-dir certificates --service-cluster-ip-range 10.0.0.0/24 \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file accounts.key --service-account-signing-key-file accounts.key --token-auth-file tokens.csv \
    --authorization-mode RBAC --endpoint-reconciler-type none --disable-admission-plugins ServiceAccount >apiserver.log 2>&1 &
  started+=($!)
  cat >kubeconfig <<YAML
{apiVersion: v1, kind: Config, current-context: here, clusters: [{name: here, cluster: {server: "$apiserver", certificate-authority: "$dir/certificates/apiserver.crt"}}],
 users: [{name: admin, user: {token: token}}], contexts: [{name: here, context: {cluster: here, user: admin}}]}
YAML
  export KUBECONFIG=$dir/kubeconfig
  until_so api /readyz
  until_so api /api/v1/namespaces/default
}
api() { curl -fsS --cacert "$dir/certificates/apiserver.crt" -H "Authorization: Bearer token" "$apiserver$1" "${@:2}"; }

# start_sandbox PORT ARGS starts the embedded AWS, and makes it the one that is called.
start_sandbox() {
  secretsync sandbox --listen "127.0.0.1:$1" "${@:2}" >sandbox.log 2>&1 &
  started+=($!)
  export AWS_ENDPOINT_URL=http://127.0.0.1:$1 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
  until_so curl -fsS "$AWS_ENDPOINT_URL/_secretsync/health"
}

# aws REGION OPERATION BODY calls Secrets Manager.
aws() {
  curl -fsS "$AWS_ENDPOINT_URL" -H 'Content-Type: application/x-amz-json-1.1' -H "X-Amz-Target: secretsmanager.$2" \
    -H "Authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/$1/secretsmanager/aws4_request, SignedHeaders=host, Signature=any" -d "$3"
}

# in_secret NAME KEY prints a value of a Secret.
in_secret() { api "/api/v1/namespaces/default/secrets/$1" | sed -n "s/^ *\"$2\": \"\(.*\)\".*/\1/p" | head -n 1 | base64 -d; }
