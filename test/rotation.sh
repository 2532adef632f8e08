#!/usr/bin/env bash
# A password of a real PostgreSQL is rotated and spread to two Regions and a Kubernetes Secret in one command, as the README tells it, and rolled back.
# Needs Go, curl, openssl and PostgreSQL's server; the first run builds Kubernetes, which takes some minutes. Ends with 0 if everything was as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!AWS_@}" "${!PG@}" SECRETSYNC_CONFIG KUBECONFIG

. test/cluster.sh
chmod 755 "$dir" # PostgreSQL runs as another user
export PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)"
same() { if [ "$1" != "$2" ]; then echo "$3" >&2; exit 1; fi; }

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

start_cluster 12479
start_sandbox 14568
in_region() { aws "$1" GetSecretValue '{"SecretId": "rds/app"}' | sed -e 's/\\u0026/\&/g' -e 's/\\u003c/</g' -e 's/\\u003e/>/g' | sed -n 's/.*\\"password\\":\\"\([^"\\]*\)\\".*/\1/p'; }
in_cluster() { in_secret app password; }
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
