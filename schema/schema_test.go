// Package schema_test keeps the published JSON Schema equal to what the program itself says.
package schema_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/store/all"
)

var update = flag.Bool("update", false, "write the schema anew")

func TestThePublishedSchemaIsCurrent(t *testing.T) {
	registry, err := all.Drivers(nil)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []config.Kind
	for _, d := range registry.Drivers() {
		kinds = append(kinds, config.Kind{Type: d.Type, Settings: d.Schema})
	}
	want, err := config.Schema(kinds)
	if err != nil {
		t.Fatal(err)
	}
	const path = "secretsync.schema.json"
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is not what the program says: run go test ./schema -update", path)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(have))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(path, doc); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compile(path); err != nil {
		t.Errorf("not a valid schema: %v", err)
	}
}
