.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

build: ## build ./secretsync
	CGO_ENABLED=0 go build -trimpath -tags lambda.norpc -ldflags "-s -w" -o secretsync ./cmd/secretsync

test: ## what everybody can run: Go is all it needs
	go test ./...

acceptance: ## the tests against moto and databases, which must be installed, and a real Vault and Kubernetes, which are built
	SECRETSYNC_TEST_REQUIRE=moto,vault,kubernetes,postgres,mariadb,redis go test -count=1 ./test/... ./internal/store/... ./internal/rotate/...

lint: ## golangci-lint, pinned in tools/go.mod
	go tool -modfile=tools/go.mod golangci-lint run ./...

bench: ## calls, time and memory for 1,000 secrets in 2 accounts, next to the floor
	go test -run '^$$' -bench . -benchtime 1x ./bench

ci: ## everything that must hold before a change lands
	.ci/run

.PHONY: help build test acceptance lint bench ci
