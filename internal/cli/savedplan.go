package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// savePlan writes a plan to a file that only its owner can read, which is there as a whole or not at all; or into a pipe or a device.
// The error is ctx's where that ends while a pipe has no reader.
func savePlan(ctx context.Context, name string, p *plan.Plan) error {
	data, err := marshal(p)
	if err != nil {
		return err
	}
	write := func() (struct{}, error) { return struct{}{}, writeWhole(name, data, 0o600) }
	if _, err := within(ctx, write); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// readPlan reads a saved plan. What is not exactly a plan of this program's version is an error.
func readPlan(ctx context.Context, name string) (*plan.Plan, error) {
	data, err := readFile(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s is no plan that can be applied: %w; make one with secretsync plan --out FILE", name, fmt.Errorf(format, args...))
	}
	var version struct {
		Version *int `json:"version"`
	}
	switch err := json.Unmarshal(data, &version); {
	case err != nil:
		return nil, bad("it is no JSON, or incomplete")
	case version.Version == nil:
		return nil, bad("it has no version")
	case *version.Version != engine.PlanVersion:
		return nil, bad("it is of version %d, and this program makes and applies version %d", *version.Version, engine.PlanVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var p plan.Plan
	if err := dec.Decode(&p); err != nil {
		return nil, bad("%w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("more text follows it")
	}
	for i, c := range p.Changes {
		if err := checkChange(c); err != nil {
			return nil, bad("change %d: %w", i+1, err)
		}
	}
	return &p, nil
}

func checkChange(c plan.Change) error {
	switch c.Action {
	case plan.Create, plan.Update, plan.Metadata, plan.Restore, plan.Remove, plan.Keep:
		if c.Target == nil {
			return fmt.Errorf("%s of %q has no target", c.Action, c.Name)
		}
	case plan.Refusal:
	default:
		return fmt.Errorf("the action %q is not known", c.Action)
	}
	return nil
}
