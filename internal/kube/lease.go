package kube

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// record is what a Lease says.
type record struct {
	holder   string
	seconds  int64  // that it lasts after each renewal
	renewed  string // by the holder's clock: only ever compared with what it was
	acquired string
}

// lease is one Lease object, as one of those who want it sees it. Who writes it says which state of it is replaced, so that of two writers one fails.
type lease struct {
	client    dynamic.ResourceInterface
	place     secret.Place
	name      string
	identity  string
	seconds   int64
	object    *unstructured.Unstructured // as last read or written
	seen      record
	unchanged time.Time // since when seen has been as it is, by our own clock
}

// read gets the Lease; nothing where there is none.
func (l *lease) read(ctx context.Context) error {
	u, err := l.client.Get(ctx, l.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		l.object = nil
		return nil
	}
	if err != nil {
		return l.fail("get leases", err)
	}
	l.note(u)
	return nil
}

// note takes over what the Lease says. A renewal is known by its being different from the last one: the clocks of others don't matter.
func (l *lease) note(u *unstructured.Unstructured) {
	l.object = u
	now := recordOf(u)
	if now != l.seen || l.unchanged.IsZero() {
		l.seen, l.unchanged = now, time.Now()
	}
}

// ours reports whether we hold the Lease, as far as we know.
func (l *lease) ours() bool { return l.object != nil && l.seen.holder == l.identity }

// free reports whether nobody holds the Lease, or its holder has not renewed it for as long as it lasts.
func (l *lease) free() bool {
	return l.object == nil || l.seen.holder == "" || l.ours() || time.Since(l.unchanged) >= time.Duration(l.seen.seconds)*time.Second
}

// write makes the Lease ours, or renews it. ErrConflict where somebody else wrote it since it was read.
func (l *lease) write(ctx context.Context) error {
	now := metav1.NowMicro().UTC().Format(metav1.RFC3339Micro)
	if l.object == nil {
		u := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": leases.GroupVersion().String(), "kind": "Lease",
			"metadata": map[string]any{"name": l.name},
			"spec":     map[string]any{"holderIdentity": l.identity, "leaseDurationSeconds": l.seconds, "acquireTime": now, "renewTime": now, "leaseTransitions": int64(0)},
		}}
		made, err := l.client.Create(ctx, u, metav1.CreateOptions{})
		if err != nil {
			return l.fail("create leases", err)
		}
		l.note(made)
		return nil
	}
	u := l.object.DeepCopy()
	changes := map[string]any{"holderIdentity": l.identity, "leaseDurationSeconds": l.seconds, "renewTime": now}
	if !l.ours() {
		transitions, _, _ := unstructured.NestedInt64(u.Object, "spec", "leaseTransitions") // absent, or of a wrong type: it is only a count
		changes["acquireTime"], changes["leaseTransitions"] = now, transitions+1
	}
	return l.update(ctx, u, changes)
}

// release gives the Lease up, so that the next need not wait.
func (l *lease) release(ctx context.Context) error {
	u := l.object.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "spec", "holderIdentity")
	return l.update(ctx, u, map[string]any{"leaseDurationSeconds": int64(1)})
}

func (l *lease) update(ctx context.Context, u *unstructured.Unstructured, spec map[string]any) error {
	for field, v := range spec {
		if err := unstructured.SetNestedField(u.Object, v, "spec", field); err != nil {
			return l.fail("update leases", err)
		}
	}
	written, err := l.client.Update(ctx, u, metav1.UpdateOptions{})
	if err != nil {
		return l.fail("update leases", err)
	}
	l.note(written)
	return nil
}

func (l *lease) fail(op string, err error) error { return Error(op, secret.Name(l.name), l.place, err) }

func recordOf(u *unstructured.Unstructured) record {
	text := func(field string) string {
		s, _, _ := unstructured.NestedString(u.Object, "spec", field) // the API lets nothing but a string in
		return s
	}
	seconds, _, _ := unstructured.NestedInt64(u.Object, "spec", "leaseDurationSeconds")
	return record{holder: text("holderIdentity"), seconds: seconds, renewed: text("renewTime"), acquired: text("acquireTime")}
}
