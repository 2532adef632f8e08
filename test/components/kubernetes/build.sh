#!/usr/bin/env bash
# Builds the kube-apiserver and the etcd that tests run against, out of the Go module proxy alone. Nothing of them is linked into the product.
# Prints the folder that holds the binaries.
#
# A module's replace directives do not count when another module requires it. Kubernetes replaces its own libraries by folders of its repository, which are
# published under a version of the same number: the build happens in a module that names those instead. etcd needs no more than a module that requires it.
set -euo pipefail

version=v1.36.3 libraries=v0.36.3
sum=h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=
etcd=v3.7.3
etcdsum=h1:KcTZ/aEZrOiQe0/kdr7iYYcvyfbEoOwDOacHkz8xwZc=
out=${XDG_CACHE_HOME:-$HOME/.cache}/secretsync-test/kubernetes-$version-etcd-$etcd
[ -e "$out/complete" ] && { echo "$out"; exit; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
field() { sed -n "s/^.*\"$1\": \"\(.*\)\",*$/\1/p"; }
# fetch downloads a module, and compares its checksum with the one that it had when this was written.
fetch() {
	local found
	found=$(go mod download -json "$1")
	[ "$(field Sum <<<"$found")" = "$2" ] || { echo "$1 is not what it was: expected $2" >&2; return 1; }
	field Dir <<<"$found"
}
mkdir -p "$out" "$work/kubernetes" "$work/etcd"

cd "$work/etcd"
go mod init secretsync.test/etcd 2>/dev/null
fetch "go.etcd.io/etcd/server/v3@$etcd" "$etcdsum" >/dev/null
go get "go.etcd.io/etcd/server/v3@$etcd" >&2
CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath -ldflags "-s -w" -o "$out/etcd" go.etcd.io/etcd/server/v3 >&2

cd "$work/kubernetes"
theirs=$(fetch "k8s.io/kubernetes@$version" "$sum")
sed -e 's|^module .*|module secretsync.test/kubernetes|' -e "s|=> \./staging/src/\(k8s.io/.*\)|=> \1 $libraries|" "$theirs/go.mod" >go.mod
printf 'require k8s.io/kubernetes %s\n' "$version" >>go.mod
cp "$theirs/go.sum" go.sum
chmod u+w go.mod go.sum
stamp="-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath -tags providerless -ldflags "-s -w $stamp" -o "$out/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver >&2
touch "$out/complete"
echo "$out"
