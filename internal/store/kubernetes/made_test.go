package kubernetes_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// behind fails unless a copy is ours, and not at its version.
func behind(t *testing.T, what string, c *secret.Copy) {
	t.Helper()
	if !c.WrittenByUs() || c.Version == id(1) || !strings.HasPrefix(string(c.Version), string(id(1))) {
		t.Errorf("%s: got %+v", what, c)
	}
}

func TestAnotherKeyOfTheStoreTakesEffect(t *testing.T) {
	b := newBench(t)
	old, d := b.dest(""), b.dest("key: content")
	plain := valued("app.db", text(canary), nil)
	mustWrite(t, old, plain)
	mustWrite(t, old, valued("object", text(`{"value":"x"}`), nil))
	c := stat(t, d)
	behind(t, "another key", c)
	if c := stat(t, old); c.Version != id(1) || !c.WrittenByUs() {
		t.Errorf("with the key that it was made with: %+v", c)
	}
	if c, err := d.Stat(t.Context(), "object"); err != nil || c.Version != id(1) {
		t.Errorf("an object has keys of its own: %+v, %v", c, err)
	}
	plain.Have = c
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": "a"}}}) // a run that did not look again writes, too
	mustWrite(t, d, plain)
	if o := b.back.get(t, "app.db"); !maps.Equal(held(o), map[string]string{"content": canary}) {
		t.Errorf("it has the keys %d", len(o.Data))
	}
	if c := stat(t, d); c.Version != id(1) || !c.WrittenByUs() {
		t.Errorf("written: %+v", c)
	}
	behind(t, "and the other way", stat(t, old))
	for k, v := range b.back.get(t, "app.db").Metadata.Annotations {
		if strings.Contains(v, canary) {
			t.Errorf("the annotation %s holds the value", k)
		}
	}
}

func TestAnotherTypeOfTheStoreIsARefusalAndNotInSync(t *testing.T) {
	b := newBench(t)
	d := b.dest("secretType: example.com/own")
	mustWrite(t, b.dest(""), writing(1, nil))
	given := writing(1, nil)
	given.Name, given.Type = "given", "Opaque"
	mustWrite(t, b.dest(""), given)
	c := stat(t, d)
	behind(t, "another type", c)
	_, err := d.Write(t.Context(), writing(1, c))
	wantErr(t, err, store.ErrUnwritable, "a Secret's type can't be changed", "delete it by hand")
	if c, err := d.Stat(t.Context(), "given"); err != nil || c.Version != id(1) {
		t.Errorf("its sync gives the type: %+v, %v", c, err)
	}
	// A sync that gives the type that it has mends it.
	w := writing(1, c)
	w.Type = "Opaque"
	mustWrite(t, d, w)
	if c := stat(t, d); c.Version != id(1) || !c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
}

// A namespace that two stores write to is listed once, through either.
func TestAStoreDoesNotJudgeWhatAnotherHasMade(t *testing.T) {
	b := newBench(t)
	other := b.named("other", "key: content, secretType: example.com/own")
	mustWrite(t, other, valued("app.db", text(canary), nil))
	for _, d := range []dest{b.dest(""), other} {
		if c := stat(t, d); c.Version != id(1) || !c.WrittenByUs() {
			t.Errorf("got %+v", c)
		}
	}
	behind(t, "its own", stat(t, b.named("other", "key: data, secretType: example.com/own")))
}

func TestACopyThatDoesNotSayWhatItWasMadeWithIsFine(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, valued("app.db", text(canary), nil))
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"annotations": map[string]any{"secretsync.dev/made-with": nil}}})
	for _, d := range []dest{d, b.dest("key: content")} {
		if c := stat(t, d); c.Version != id(1) || !c.WrittenByUs() {
			t.Errorf("got %+v", c)
		}
	}
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"annotations": map[string]any{"secretsync.dev/made-with": "{"}}})
	if c := stat(t, d); c.Version != id(1) {
		t.Errorf("got %+v", c)
	}
}

// A backup that is restored elsewhere, or a controller that spreads Secrets, takes our notes along.
func TestACloneOfACopyIsNotOurs(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	o := b.back.get(t, "app.db")
	clone := func(b *bench, name secret.Name) {
		t.Helper()
		b.back.create(t, name, map[string]any{"metadata": map[string]any{"labels": o.Metadata.Labels, "annotations": o.Metadata.Annotations}, "data": o.Data})
	}
	elsewhere := newBench(t)
	clone(b, "clone")
	clone(elsewhere, "app.db")
	for what, at := range map[secret.Name]*bench{"clone": b, "app.db": elsewhere} {
		at.as(appUser(t))
		d := at.dest("")
		c, err := d.Stat(t.Context(), what)
		if err != nil || !c.Mark.IsZero() || c.WrittenByUs() || !c.Deleted.IsZero() {
			t.Errorf("%s: got %+v, %v", what, c, err)
		}
		wantErr(t, d.Delete(t.Context(), c, 7), store.ErrInvalid, "no mark of ours")
		if m, err := at.source("").Stat(t.Context(), what); err != nil || !m.Mark.IsZero() {
			t.Errorf("%s as a source: got %+v, %v", what, m, err)
		}
		// Taken over by name, it is ours.
		w := writing(1, &c)
		w.Name = what
		mustWrite(t, d, w)
		if c, err := d.Stat(t.Context(), what); err != nil || c.Mark != mark || c.Version != id(1) || !c.WrittenByUs() {
			t.Errorf("%s, taken over: got %+v, %v", what, c, err)
		}
	}
	if c := stat(t, d); c.Mark != mark || c.Version != id(1) {
		t.Errorf("the copy itself: %+v", c)
	}
	if note := b.back.get(t, "app.db").Metadata.Annotations["secretsync.dev/of"]; note != fmt.Sprintf("%s/app.db", b.ns) {
		t.Errorf("got the note %q", note)
	}
}
