package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const besideDB = "app/db-secretsync-pending"

func stagesOf(t *testing.T, r store.Rotation) store.Stages {
	t.Helper()
	st, err := r.Stages(t.Context(), "app/db")
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func object(n int) secret.Value {
	return secret.Text(fmt.Appendf(nil, `{"password":"%s%d"}`, canary, n))
}

func mustPropose(t *testing.T, r store.Rotation, n int) store.Stages {
	t.Helper()
	if err := r.Propose(t.Context(), stagesOf(t, r), id(n), object(n)); err != nil {
		t.Fatal(err)
	}
	return stagesOf(t, r)
}

func mustRotate(t *testing.T, r store.Rotation, n int) secret.Version {
	t.Helper()
	v, err := r.Promote(t.Context(), mustPropose(t, r, n))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMetadataCarriesTheStagesAndWhatOthersWroteThereStays(t *testing.T) {
	p := newPlace(t)
	s := open(t, impatient, p.settings(""))
	r, src := rotationOf(t, s), sourceOf(t, s)
	p.put("app/db", `{"password":"1"}`)
	backdoor{p}.Tag(t, "app/db", map[string]string{"team": "a"})
	before, err := src.Stat(t.Context(), "app/db")
	if err != nil {
		t.Fatal(err)
	}
	mustPropose(t, r, 2)
	if c := p.custom("app/db"); len(c) != 2 || c["team"] != "a" || c["secretsync:current"] != "1" {
		t.Errorf("after the proposal: %v", c)
	}
	if _, err := r.Promote(t.Context(), stagesOf(t, r)); err != nil {
		t.Fatal(err)
	}
	if c := p.custom("app/db"); len(c) != 3 || c["team"] != "a" || c["secretsync:current"] != "2" || c["secretsync:previous"] != "1" {
		t.Errorf("after the promotion: %v", c)
	}
	if after, err := src.Stat(t.Context(), "app/db"); err != nil || len(after.Tags) != len(before.Tags) || !after.Mark.IsZero() {
		t.Errorf("a source shows %+v: %v", after, err)
	}
	p.put("app/db", `{"password":"theirs"}`)
	st := stagesOf(t, r)
	if v, err := r.Value(t.Context(), "app/db", st.Previous); err != nil || !v.Equal(object(2)) {
		t.Errorf("the stages of a state that has passed count: %+v, %v", st, err)
	}
	if status, _ := p.call("GET", p.mount+"/metadata/"+besideDB, ""); status != 404 {
		t.Errorf("what was beside is still there: %d", status)
	}
}

func TestAnObjectIsRotatedAsVaultHoldsIt(t *testing.T) {
	p := newPlace(t)
	r := rotationOf(t, open(t, impatient, p.settings("")))
	p.put("app/db", `{"password":"1"}`)
	for i, text := range []string{`{"a":{"b":[1,2.5,null,true]},"password":"\"\\ <&> é\u2028 {}\u0001"}`, `{}`} {
		want := secret.Text([]byte(text))
		if err := r.Propose(t.Context(), stagesOf(t, r), id(i), want); err != nil {
			t.Fatal(err)
		}
		st := stagesOf(t, r)
		pending, err := r.Value(t.Context(), "app/db", st.Pending)
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.Promote(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		got := sourceOf(t, open(t, impatient, p.settings(""))).Read(t.Context(), []secret.Name{"app/db"})[0]
		if got.Err != nil || got.Version != v || !got.Value.Equal(pending) || string(got.Value.Reveal()) != text {
			t.Errorf("%s: got %s, was pending as %s: %v", text, got.Value.Reveal(), pending.Reveal(), got.Err)
		}
	}
	for _, bad := range []string{`{"a":1,"a":2}`, `{"a":12345678901234567890}`} {
		wantErr(t, r.Propose(t.Context(), stagesOf(t, r), id(9), secret.Text([]byte(bad))), store.ErrBadValue)
	}
}

func TestNamesForPendingValuesAreNobodysSecrets(t *testing.T) {
	p := newPlace(t)
	s := open(t, impatient, p.settings(""))
	r, src, dest := rotationOf(t, s), sourceOf(t, s), destinationOf(t, s)
	p.put("app/db", `{"password":"1"}`)
	mustPropose(t, r, 2)
	_, err := src.Stat(t.Context(), besideDB)
	wantErr(t, err, store.ErrNotFound)
	_, err = dest.Stat(t.Context(), besideDB)
	wantErr(t, err, store.ErrNotFound)
	wantErr(t, src.Read(t.Context(), []secret.Name{"app/db", besideDB})[1].Err, store.ErrNotFound)
	wantErr(t, dest.Check(write(besideDB, 1, nil)), store.ErrBadName)
	_, err = dest.Write(t.Context(), write(besideDB, 1, nil))
	wantErr(t, err, store.ErrBadName)
	wantErr(t, dest.(store.Deleter).Delete(t.Context(), secret.Copy{Name: besideDB, Version: "1"}, 7), store.ErrBadName)
	_, err = r.Stages(t.Context(), besideDB)
	wantErr(t, err, store.ErrNotFound)
	if v, err := r.Value(t.Context(), "app/db", id(2)); err != nil || !v.Equal(object(2)) {
		t.Errorf("what is pending was touched: %v", err)
	}
}

func TestASecretOfSomebodyElseIsNotTakenForAPendingValue(t *testing.T) {
	p := newPlace(t)
	r := rotationOf(t, open(t, impatient, p.settings("")))
	p.put("app/db", `{"password":"1"}`)
	p.put(besideDB, `{"mine":"x"}`)
	_, err := r.Stages(t.Context(), "app/db")
	wantErr(t, err, store.ErrInvalid, "somebody else made a secret of this name")
}

func TestAPendingValueThatSomebodyDeletedIsPendingNoLonger(t *testing.T) {
	p := newPlace(t)
	r := rotationOf(t, open(t, impatient, p.settings("")))
	p.put("app/db", `{"password":"1"}`)
	now := mustPropose(t, r, 2)
	p.must("DELETE", p.mount+"/data/"+besideDB, "")
	if st := stagesOf(t, r); st.Pending != "" {
		t.Errorf("got %+v", st)
	}
	_, err := r.Promote(t.Context(), now)
	wantErr(t, err, store.ErrConflict)
	mustRotate(t, r, 3)
}

func TestAVersionThatIsNotHeldAnyMoreIsNotPrevious(t *testing.T) {
	p := newPlace(t)
	r := rotationOf(t, open(t, impatient, p.settings("")))
	p.put("app/db", `{"password":"1"}`)
	mustRotate(t, r, 2)
	p.must("PUT", p.mount+"/destroy/app/db", `{"versions":[1]}`)
	st := stagesOf(t, r)
	if st.Previous != "" {
		t.Errorf("got %+v", st)
	}
	_, err := r.Recall(t.Context(), st, id(3))
	wantErr(t, err, store.ErrNotFound)
	p.must("POST", p.mount+"/metadata/app/single", `{"max_versions":1}`)
	p.put("app/single", `{"password":"1"}`)
	single, err := r.Stages(t.Context(), "app/single")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Propose(t.Context(), single, id(4), object(4)); err != nil {
		t.Fatal(err)
	}
	single.Pending = id(4)
	v, err := r.Promote(t.Context(), single)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := r.Stages(t.Context(), "app/single"); err != nil || st.Current != v || st.Previous != "" {
		t.Errorf("got %+v: %v", st, err)
	}
}

// rotatingPolicy is what a rotation needs, with the capabilities on metadata to be filled in.
const rotatingPolicy = `
path "MOUNT/data/app/*" { capabilities = ["create", "read", "update"] }
path "MOUNT/metadata/app/*" { capabilities = [%s] }
`

func TestAPolicyIsEnoughOrWhatItLacksIsNamed(t *testing.T) {
	for capabilities, lacks := range map[string]string{
		`"read", "patch", "delete"`:                             "",
		`"read", "create", "update", "delete"`:                  "",
		`"read", "delete"`:                                      `a policy must grant create and update on "MOUNT/metadata/app/db"`,
		`"patch", "delete"`:                                     `a policy must grant read on "MOUNT/metadata/app/db"`,
		`"read", "patch"`:                                       `a policy must grant delete on "MOUNT/metadata/app/db-secretsync-pending"`,
		`"read", "patch", "delete", "list", "create", "update"`: "",
	} {
		p := newPlace(t)
		p.put("app/db", `{"password":"1"}`)
		t.Setenv("VAULT_TOKEN", p.policy(fmt.Sprintf(rotatingPolicy, capabilities)))
		r := rotationOf(t, open(t, impatient, p.settings("")))
		err := func() error {
			now, err := r.Stages(t.Context(), "app/db")
			if err != nil {
				return err
			}
			if err := r.Propose(t.Context(), now, id(1), object(1)); err != nil {
				return err
			}
			now.Pending = id(1)
			_, err = r.Promote(t.Context(), now)
			return err
		}()
		if lacks == "" {
			if err != nil {
				t.Errorf("%s: %v", capabilities, err)
			}
			continue
		}
		wantErr(t, err, store.ErrNotPermitted, strings.ReplaceAll(lacks, "MOUNT", p.mount))
		status, _ := p.call("GET", p.mount+"/data/"+besideDB, "")
		if pending := status == 200; pending != strings.Contains(lacks, besideDB) {
			t.Errorf("%s: a value is pending: %t", capabilities, pending)
		}
	}
}

func TestARotationMakesOnlyTheCallsThatItNeeds(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	front := p
	front.addr = x.url
	r := rotationOf(t, open(t, impatient, front.settings("")))
	p.put("app/db", `{"password":"1"}`)
	mustRotate(t, r, 2)
	now := stagesOf(t, r)
	get, meta := []string{"GET " + p.mount + "/data/" + besideDB}, "GET "+p.mount+"/metadata/app/db"
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() (err error) { _, err = r.Stages(t.Context(), "app/db"); return err }, append(get[:1:1], meta)},
		{func() error { return r.Propose(t.Context(), now, id(3), object(3)) }, append(get[:1:1], meta, "POST "+p.mount+"/data/"+besideDB)},
		{func() error { now.Pending = id(3); _, err := r.Promote(t.Context(), now); return err }, append(get[:1:1], meta, "POST "+p.mount+"/data/app/db",
			"PATCH "+p.mount+"/metadata/app/db", get[0], "DELETE "+p.mount+"/metadata/"+besideDB)},
	} {
		x.seen()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := x.seen(); !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
}
