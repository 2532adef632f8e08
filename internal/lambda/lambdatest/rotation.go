package lambdatest

import (
	"encoding/json"
	"fmt"
)

// Rotation is one rotation of a secret as Secrets Manager drives it: it calls the function with each step, and looks only whether the answer is an error.
type Rotation struct {
	Function *Function
	Secret   string // the secret's ARN
	Version  string // the id that the new version has, or shall have
	Token    string // the rotation token; empty: the call has none, as before 2024
}

// Steps returns the four in the order in which they are called.
func (Rotation) Steps() []string {
	return []string{"createSecret", "setSecret", "testSecret", "finishSecret"}
}

// Step calls the function with one step.
func (r Rotation) Step(step string) Answer {
	r.Function.t.Helper()
	event := map[string]string{"Step": step, "SecretId": r.Secret, "ClientRequestToken": r.Version}
	if r.Token != "" {
		event["RotationToken"] = r.Token
	}
	payload, err := json.Marshal(event)
	if err != nil {
		r.Function.t.Fatal(err)
	}
	return r.Function.Invoke(string(payload))
}

// Run calls the steps in their order, until one fails. Secrets Manager tries a rotation that failed again by another Run with the same version. The error says which step failed.
func (r Rotation) Run() error {
	r.Function.t.Helper()
	for _, step := range r.Steps() {
		if a := r.Step(step); a.Error != nil {
			return fmt.Errorf("%s: %s: %s", step, a.Error.Type, a.Error.Message)
		}
	}
	return nil
}
