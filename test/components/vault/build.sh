#!/usr/bin/env bash
# Builds the Vault server that tests run against, and its AWS and Kubernetes login plugins, out of the Go module proxy alone.
# Nothing of it is linked into the product: the server's licence is BUSL-1.1. Prints the folder that holds the binaries.
#
# A module's replace directives do not count when another module requires it, and Vault's own go.mod does not name Vault.
# So the build happens in a module that has Vault's requirements without the replacements by its own subfolders.
set -euo pipefail

version=v1.21.2
sum=h1:t6/vAAhgGvKukkIAQBUPenvfLiJ5oUm8CmOMa6tgUYQ=
out=${XDG_CACHE_HOME:-$HOME/.cache}/secretsync-test/vault-$version
[ -e "$out/complete" ] && { echo "$out"; exit; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
field() { sed -n "s/^.*\"$1\": \"\(.*\)\",*$/\1/p"; }

found=$(go mod download -json "github.com/hashicorp/vault@$version")
[ "$(field Sum <<<"$found")" = "$sum" ] || { echo "github.com/hashicorp/vault@$version is not what it was: expected $sum" >&2; exit 1; }
theirs=$(field Dir <<<"$found")
sed -e 's|^module .*|module secretsync.test/vault|' -e '/^replace .* => \.\//d' "$theirs/go.mod" >go.mod
printf 'require github.com/hashicorp/vault %s\n' "$version" >>go.mod
cp "$theirs/go.sum" go.sum
chmod u+w go.mod go.sum

mkdir -p "$out/plugins"
build() { CGO_ENABLED=0 GOFLAGS=-mod=mod go build -tags minimal -trimpath -ldflags "-s -w" -o "$1" "$2" >&2; }
build "$out/vault" github.com/hashicorp/vault
build "$out/plugins/aws-auth" github.com/hashicorp/vault/builtin/credential/aws/cmd/aws
build "$out/plugins/kubernetes-auth" github.com/hashicorp/vault-plugin-auth-kubernetes/cmd/vault-plugin-auth-kubernetes
touch "$out/complete"
echo "$out"
