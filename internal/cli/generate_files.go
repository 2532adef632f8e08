package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/iam"
)

// writeDocuments writes every policy into a file of its own and prints the files' names. What was generated before is replaced, each file at once.
func (a *app) writeDocuments(dir string, docs []iam.Document) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // policies are no secrets
		return fmt.Errorf("--out: %w", err)
	}
	files := []string{}
	for _, part := range parts(docs) {
		data, err := part.policy.JSON()
		if err != nil {
			return err
		}
		file := filepath.Join(dir, part.file)
		if err := writeWhole(file, data, 0o644); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		files = append(files, file)
	}
	if a.json() {
		return a.printJSON(struct {
			Version int      `json:"version"`
			Files   []string `json:"files"`
		}{1, files})
	}
	return a.print(strings.Join(files, "\n") + "\n")
}
