package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	restartPrefix = "restart.secretsync.dev/"
	maxNoteName   = 63 // characters behind the prefix of an annotation
)

// workloads are what is restarted: the resources of the group apps whose pods come from a template.
func workloads() []string { return []string{"deployments", "statefulsets", "daemonsets"} }

// restarted restarts what uses a Secret that was changed, and takes the note of that change off. Until all of it is done the note stays, and the copy is not at
// its version: the next run goes on. A workload that was restarted for the change is not restarted for it again.
func (d *destination) restarted(ctx context.Context, e *entry, change string) (*entry, error) {
	for _, kind := range workloads() {
		if err := d.restartAll(ctx, kind, e.name(), change); err != nil {
			return nil, err
		}
	}
	return d.annotate(ctx, e.name(), e.meta.ResourceVersion, map[string]any{noteRestart: nil})
}

// restartAll restarts the workloads of one kind, all that it can. Its error says that the copy itself is written.
func (d *destination) restartAll(ctx context.Context, kind string, name secret.Name, change string) error {
	failed := func(verb string, workload string, err error) error {
		err = d.fail(verb, kind+".apps", secret.Name(workload), err)
		if e := (*store.Error)(nil); errors.As(err, &e) {
			if errors.Is(e.Kind, store.ErrNotFound) {
				return nil // it went away meanwhile
			}
			e.Err = fmt.Errorf("the Secret %q is written, and what uses it was not restarted: %w", string(name), e.Err)
		}
		return err
	}
	from := d.dynamic.Resource(resource("apps", kind)).Namespace(d.place.Namespace)
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{%q:%q}}}}}`, restartNote(name), change)
	var errs []error
	for opts := (metav1.ListOptions{Limit: pageSize}); ; {
		page, err := from.List(ctx, opts)
		if err != nil {
			return errors.Join(append(errs, failed("list", "", err))...)
		}
		for i := range page.Items {
			w := &page.Items[i]
			if !uses(w, string(name)) || noted(w, restartNote(name)) == change {
				continue
			}
			if _, err := from.Patch(ctx, w.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: managedBy}); err != nil {
				errs = append(errs, failed("patch", w.GetName(), err))
			}
		}
		if opts.Continue = page.GetContinue(); opts.Continue == "" {
			return errors.Join(errs...)
		}
	}
}

// restartNote returns the annotation of a pod template that says which change of a Secret the pods were started for: one for each Secret.
func restartNote(name secret.Name) string {
	if len(name) <= maxNoteName {
		return restartPrefix + string(name)
	}
	sum := sha256.Sum256([]byte(name))
	return restartPrefix + string(name[:30]) + "-" + hex.EncodeToString(sum[:16])
}

func noted(w *unstructured.Unstructured, note string) string {
	text, _, _ := unstructured.NestedString(w.Object, "spec", "template", "metadata", "annotations", note) // what is no text is not our note
	return text
}

// uses reports whether pods of a workload mount a Secret, or have it in their environment.
func uses(w *unstructured.Unstructured, name string) bool {
	spec, _, _ := unstructured.NestedMap(w.Object, "spec", "template", "spec") // the API has checked its form
	named := func(at any, path ...string) bool { return at != nil && textAt(at, path...) == name }
	for _, v := range listAt(spec, "volumes") {
		if named(v, "secret", "secretName") || slices.ContainsFunc(listAt(v, "projected", "sources"), func(s any) bool { return named(s, "secret", "name") }) {
			return true
		}
	}
	for _, c := range slices.Concat(listAt(spec, "containers"), listAt(spec, "initContainers")) {
		if slices.ContainsFunc(listAt(c, "env"), func(e any) bool { return named(e, "valueFrom", "secretKeyRef", "name") }) ||
			slices.ContainsFunc(listAt(c, "envFrom"), func(e any) bool { return named(e, "secretRef", "name") }) {
			return true
		}
	}
	return false
}

func listAt(in any, path ...string) []any {
	object, ok := in.(map[string]any)
	if !ok {
		return nil
	}
	found, _, _ := unstructured.NestedFieldNoCopy(object, path...) // what is of another form holds nothing
	all, _ := found.([]any)
	return all
}

func textAt(in any, path ...string) string {
	object, ok := in.(map[string]any)
	if !ok {
		return ""
	}
	text, _, _ := unstructured.NestedString(object, path...) // what is of another form names nothing
	return text
}
