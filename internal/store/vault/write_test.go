package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// writer is the policy that a destination needs, reading of values left out.
const writer = `path "MOUNT/metadata/*" { capabilities = ["list", "read", "create", "update", "patch"] }
path "MOUNT/data/*" { capabilities = ["create", "update"] }`

func TestWritingTakesFewCalls(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	through := p
	through.addr = x.url
	d := destinationOf(t, open(t, impatient, through.settings("")))
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.seen()
	expect := func(what string, want ...string) {
		t.Helper()
		for i := range want {
			want[i] = strings.Replace(want[i], " ", " "+p.mount+"/", 1)
		}
		if got := x.seen(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	c := mustWrite(t, d, write("app/db", 1, nil))
	expect("a creation", "GET metadata/app/db", "POST metadata/app/db", "POST data/app/db")
	mustWrite(t, d, write("app/db", 1, &c))
	expect("nothing to do")
	c = mustWrite(t, d, write("app/db", 2, &c))
	expect("an update", "POST data/app/db", "PATCH metadata/app/db")
	w := write("app/db", 2, &c)
	w.Tags["team"] = "b"
	c = mustWrite(t, d, w)
	expect("a tag", "PATCH metadata/app/db")
	if err := d.(store.Deleter).Delete(t.Context(), c, 7); err != nil {
		t.Fatal(err)
	}
	expect("a deletion", "PATCH metadata/app/db", "DELETE data/app/db")
	w = write("app/db", 2, mustStat(t, d, "app/db"))
	x.seen()
	w.Restore = true
	c = mustWrite(t, d, w)
	expect("a restoration", "POST undelete/app/db", "PATCH metadata/app/db")
	if now := mustStat(t, d, "app/db"); now.Revision != c.Revision || !now.WrittenByUs() || !now.Mark.Deleting.IsZero() {
		t.Errorf("got %+v, want %+v", now, c)
	}
}

func TestTheLeastPolicyOfADestinationIsEnough(t *testing.T) {
	for name, policy := range map[string]string{
		"with patch":    writer + "\n" + `path "MOUNT/data/*" { capabilities = ["create", "update", "delete"] } path "MOUNT/undelete/*" { capabilities = ["update"] }`,
		"without patch": strings.ReplaceAll(writer, `, "patch"`, "") + "\n" + `path "MOUNT/data/*" { capabilities = ["create", "update", "delete"] } path "MOUNT/undelete/*" { capabilities = ["update"] }`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			t.Setenv("VAULT_TOKEN", p.policy(policy))
			d := destinationOf(t, open(t, impatient, p.settings("")))
			mustWrite(t, d, write("app/db", 1, nil))
			p.must("POST", p.mount+"/metadata/app/db", `{"max_versions":7,"cas_required":true,"delete_version_after":"1h"}`)
			status, _ := p.call("PATCH", p.mount+"/metadata/app/db", `{"custom_metadata":{"theirs":"1"}}`, "Content-Type", "application/merge-patch+json")
			if status >= 300 {
				t.Fatal(status)
			}
			mustWrite(t, d, write("app/db", 2, mustStat(t, d, "app/db")))
			p.put("drift", `{"a":1}`)
			c := mustStat(t, d, "app/db")
			if err := d.(store.Deleter).Delete(t.Context(), *c, 30); err != nil {
				t.Fatal(err)
			}
			w := write("app/db", 3, mustStat(t, d, "app/db"))
			w.Restore = true
			mustWrite(t, d, w)
			m := p.metadata("app/db")
			if fmt.Sprintf("%v %v %v", m["max_versions"], m["cas_required"], m["delete_version_after"]) != "7 true 1h0m0s" {
				t.Errorf("settings of others were changed: %v", m)
			}
			custom := p.custom("app/db")
			if custom["theirs"] != "1" || custom["secretsync:version"] != string(id(3)) || custom["secretsync:written"] != "3" || custom["secretsync:owner"] != "platform-test" ||
				custom["secretsync:sync"] != "app" || custom["secretsync:source"] != string(mark.Source) || custom["team"] != "a" || custom["secretsync:deleting"] != nil {
				t.Errorf("got %v", custom)
			}
		})
	}
	p := newPlace(t)
	t.Setenv("VAULT_TOKEN", p.policy(strings.Replace(writer, `["create", "update"]`, `["read"]`, 1)))
	d := destinationOf(t, open(t, impatient, p.settings("")))
	_, err := d.Write(t.Context(), write("app/db", 1, nil))
	wantErr(t, err, store.ErrNotPermitted, `POST data "app/db"`, `grant create and update on "`+p.mount+`/data/app/db"`)
}

// cut makes the proxy break the connection at a call, until it is healed, so that a write is interrupted as by a crash.
func cut(x *proxy, at string) {
	x.when(func(method, path string) (int, string) {
		if strings.HasPrefix(method+" "+path, at) {
			return -1, ""
		}
		return 0, ""
	})
}

func TestAnInterruptedWriteIsFinishedByTheNext(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	through := p
	through.addr = x.url
	fresh := func() store.Destination { return destinationOf(t, open(t, impatient, through.settings(""))) }
	for _, given := range []bool{false, true} {
		name := fmt.Sprintf("app/%t", given)
		cut(x, "POST "+p.mount+"/data/")
		_, err := fresh().Write(t.Context(), write(name, 1, nil))
		wantErr(t, err, store.ErrUnavailable)
		x.when(nil)
		d := fresh()
		c := mustStat(t, d, name)
		if c.Mark != mark || c.Version != "" || c.WrittenByUs() {
			t.Fatalf("after the crash: %+v", c)
		}
		w := write(name, 1, nil)
		if given {
			w.Have = c
		}
		done := mustWrite(t, d, w)
		if now := mustStat(t, d, name); !now.WrittenByUs() || now.Version != id(1) || now.Revision != done.Revision {
			t.Errorf("given %t: %+v, answered %+v", given, now, done)
		}

		before := mustStat(t, d, name)
		cut(x, "PATCH")
		_, err = fresh().Write(t.Context(), write(name, 2, before))
		wantErr(t, err, store.ErrUnavailable)
		x.when(nil)
		d = fresh()
		have := mustStat(t, d, name)
		if have.WrittenByUs() || !strings.HasPrefix(string(have.Version), "2@") {
			t.Fatalf("after the crash: %+v", have)
		}
		if given {
			have = before // as a run would that did not look again
		}
		mustWrite(t, d, write(name, 2, have))
		if now := mustStat(t, d, name); !now.WrittenByUs() || now.Version != id(2) || p.metadata(name)["current_version"] != float64(2) {
			t.Errorf("given %t: %+v", given, now)
		}
	}
}

func TestALostAnswerMakesNoSecondVersion(t *testing.T) {
	for _, policy := range []string{reader + "\n" + writer, writer} {
		p := newPlace(t)
		if policy == writer {
			t.Setenv("VAULT_TOKEN", p.policy(policy))
		}
		x := newProxy(t, p.addr)
		through := p
		through.addr = x.url
		d := destinationOf(t, open(t, impatient, through.settings("")))
		lost := false
		x.when(func(method, path string) (int, string) {
			if method == "POST" && strings.Contains(path, "/data/") && !lost {
				lost = true
				return -2, ""
			}
			return 0, ""
		})
		mustWrite(t, d, write("app/db", 1, nil))
		if c := mustStat(t, d, "app/db"); !lost || c.Version != id(1) || p.metadata("app/db")["current_version"] != float64(1) {
			t.Errorf("lost %t: %+v", lost, c)
		}
		if policy == writer {
			continue
		}
		lost = false
		mustWrite(t, d, write("app/db", 2, mustStat(t, d, "app/db")))
		if c := mustStat(t, d, "app/db"); !lost || c.Version != id(2) || p.metadata("app/db")["current_version"] != float64(2) {
			t.Errorf("lost %t: %+v", lost, c)
		}
	}
}

func TestWhatSomebodyElseMakesMeanwhileIsLeftAsItIs(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	through := p
	through.addr = x.url
	d := destinationOf(t, open(t, impatient, through.settings("")))

	p.put("theirs", `{"a":"`+canary+`"}`)
	p.must("POST", p.mount+"/metadata/theirs", `{"custom_metadata":{"k":"v"}}`)
	_, err := d.Write(t.Context(), write("theirs", 1, nil))
	wantErr(t, err, store.ErrConflict)
	if custom := p.custom("theirs"); len(custom) != 1 || custom["k"] != "v" {
		t.Errorf("their metadata became %v", custom)
	}

	// Between our mark and our value.
	done := false
	x.when(func(method, path string) (int, string) {
		if method == "POST" && strings.HasSuffix(path, "/data/race") && !done {
			done = true
			p.put("race", `{"a":"theirs"}`)
		}
		return 0, ""
	})
	_, err = d.Write(t.Context(), write("race", 1, nil))
	wantErr(t, err, store.ErrConflict)
	if c := mustStat(t, d, "race"); !c.Mark.IsZero() || c.WrittenByUs() || !strings.HasPrefix(string(c.Version), "1@") {
		t.Errorf("got %+v", c)
	}

	// Between the listing and an update.
	c := mustWrite(t, d, write("app/db", 1, nil))
	p.put("app/db", `{"a":"theirs"}`)
	_, err = d.Write(t.Context(), write("app/db", 2, &c))
	wantErr(t, err, store.ErrConflict, "its value was changed meanwhile")
	p.must("DELETE", p.mount+"/metadata/app/db", "")
	_, err = d.Write(t.Context(), write("app/db", 2, &c))
	wantErr(t, err, store.ErrConflict, "it is gone")
	p.put("app/db", `{"a":"anew"}`)
	_, err = d.Write(t.Context(), write("app/db", 2, &c))
	wantErr(t, err, store.ErrConflict)
}

func TestDriftThatHoldsTheValueOnlyGetsTheMark(t *testing.T) {
	p := newPlace(t)
	d := destinationOf(t, open(t, impatient, p.settings("")))
	mustWrite(t, d, write("app/db", 1, nil))
	p.put("app/db", `{"password":"`+canary+`2"}`)
	c := mustWrite(t, d, write("app/db", 2, mustStat(t, d, "app/db")))
	if !c.WrittenByUs() || p.metadata("app/db")["current_version"] != float64(2) {
		t.Errorf("got %+v", c)
	}
	p.must("PUT", p.mount+"/destroy/app/db", `{"versions":[2]}`)
	gone := mustStat(t, d, "app/db")
	if gone.Version != "" || !gone.Deleted.IsZero() {
		t.Fatalf("a destroyed copy: %+v", gone)
	}
	mustWrite(t, d, write("app/db", 2, gone))
	if c := mustStat(t, d, "app/db"); c.Version != id(2) || p.metadata("app/db")["current_version"] != float64(3) {
		t.Errorf("got %+v", c)
	}
}

func TestACopyWhoseValueIsDestroyedIsDeletedOnce(t *testing.T) {
	p := newPlace(t)
	d := destinationOf(t, open(t, impatient, p.settings("")))
	mustWrite(t, d, write("app/db", 1, nil))
	p.must("PUT", p.mount+"/destroy/app/db", `{"versions":[1]}`)
	deleter := d.(store.Deleter)
	if err := deleter.Delete(t.Context(), *mustStat(t, d, "app/db"), 7); err != nil {
		t.Fatal(err)
	}
	c := mustStat(t, d, "app/db")
	if c.Deleted.IsZero() || c.Mark.Deleting.IsZero() {
		t.Errorf("got %+v", c)
	}
	w := write("app/db", 2, c)
	w.Restore = true
	mustWrite(t, d, w)
	if c := mustStat(t, d, "app/db"); !c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() || c.Version != id(2) {
		t.Errorf("got %+v", c)
	}
}

func TestADeletionOfSomebodyElseHasNoMarkOfOurs(t *testing.T) {
	p := newPlace(t)
	d := destinationOf(t, open(t, impatient, p.settings("")))
	mustWrite(t, d, write("app/db", 1, nil))
	p.must("DELETE", p.mount+"/data/app/db", "")
	if c := mustStat(t, d, "app/db"); c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() || time.Since(c.Deleted) > time.Minute {
		t.Errorf("got %+v", c)
	}
}

func TestAFailedDeletionLeavesNoMark(t *testing.T) {
	p := newPlace(t)
	root := destinationOf(t, open(t, impatient, p.settings("")))
	mustWrite(t, root, write("app/db", 1, nil))
	t.Setenv("VAULT_TOKEN", p.policy(writer))
	d := destinationOf(t, open(t, impatient, p.settings("")))
	wantErr(t, d.(store.Deleter).Delete(t.Context(), *mustStat(t, d, "app/db"), 7), store.ErrNotPermitted, `grant delete on`)
	if c := mustStat(t, d, "app/db"); !c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() {
		t.Errorf("got %+v", c)
	}
}

func TestValuesArriveAndCompareAsTheSame(t *testing.T) {
	p := newPlace(t)
	d := destinationOf(t, open(t, impatient, p.settings(", textKey: text")))
	for i, text := range []string{`{"b":1.50,"a":"<&>\u2028"}`, "plain\n", "", `[1,2]`, `"x"`, `{"broken":`, " {\"a\":1} "} {
		name := fmt.Sprintf("app/%d", i)
		w := write(name, 1, nil)
		w.Value = secret.Text([]byte(text))
		mustWrite(t, d, w)
		r := d.(store.Verifier).Read(t.Context(), []secret.Name{secret.Name(name)})[0]
		if r.Err != nil || r.Version != id(1) || !d.(store.Comparer).Same(w.Value, r.Value) {
			t.Errorf("%q came as %s, %v", text, r.Value.Reveal(), r.Err)
		}
	}
	for text, kind := range map[string]error{strings.Repeat("x", 512<<10+1): store.ErrTooLarge, `{"n":9007199254740993,"s":"` + canary + `"}`: store.ErrInvalid} {
		w := write("app/bad", 1, nil)
		w.Value = secret.Text([]byte(text))
		_, err := d.Write(t.Context(), w)
		wantErr(t, err, kind)
	}
	w := write("app/deep", 1, nil)
	w.Value = secret.Text([]byte(strings.Repeat(`{"a":`, 400) + `"` + canary + `"` + strings.Repeat("}", 400)))
	_, err := d.Write(t.Context(), w)
	wantErr(t, err, store.ErrInvalid, "does not take this JSON")
}
