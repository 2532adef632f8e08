#!/usr/bin/env bash
# Secrets Manager to Kubernetes, as the README tells it: an AWS in memory, a real kube-apiserver, and the program between them, by hand and then as a daemon that follows events.
# Needs Go, curl and openssl; the first run builds Kubernetes, which takes some minutes. Ends with 0 if everything was as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!AWS_@}" SECRETSYNC_CONFIG KUBECONFIG

. test/cluster.sh
holds() { [ "$(in_secret "$1" "$2")" = "$3" ]; }
start_cluster 12379
start_sandbox 14567 --seed "$example/seed.yaml"

secretsync sync -c "$example/kubernetes.yaml" >out; must '3 created'
until_so holds db username app
secretsync sync -c "$example/kubernetes.yaml" >out; must '3 unchanged'
secretsync verify -c "$example/kubernetes.yaml" >out; must 'Verified: 3 equal, 0 different, 0 not verified'

secretsync serve -c "$example/kubernetes.yaml" >serve.log 2>&1 &
daemon=$!
started+=($daemon)
until_so curl -fsS http://127.0.0.1:8080/readyz
aws us-east-1 PutSecretValue '{"SecretId": "app/db", "SecretString": "{\"username\": \"app2\"}", "ClientRequestToken": "11111111-1111-4111-8111-111111111111"}' >/dev/null
until_so holds db username app2
curl -fsS http://127.0.0.1:8080/metrics >out; must 'secretsync_events_total\{result="accepted"\} [1-9]'
kill -TERM $daemon
wait $daemon
echo "Secrets Manager to Kubernetes: everything as it should be"
