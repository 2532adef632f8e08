package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Source tests a driver's sources.
func Source(t *testing.T, h Harness) { sources.run(t, h) }

var sources = suite{
	{"AnEmptySourceListsNothing", 0, func(t *testing.T, f Fixture) {
		all, err := f.Source.List(t.Context())
		if err != nil || len(all) != 0 {
			t.Errorf("got %d secrets and the error %v", len(all), err)
		}
	}},
	{"AListingIsWholeSortedAndTellsVersions", 0, func(t *testing.T, f Fixture) {
		versions := map[secret.Name]secret.Version{}
		for i := range 130 {
			name := secret.Name(fmt.Sprintf("app/%03d", (i*37)%130))
			versions[name] = f.Back.Put(t, name, value("x"))
		}
		all, err := f.Source.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 130 || !slices.IsSortedFunc(all, func(a, b secret.Meta) int { return strings.Compare(string(a.Name), string(b.Name)) }) {
			t.Fatalf("got %d secrets, sorted or not", len(all))
		}
		for _, m := range all {
			if m.Version != versions[m.Name] || !slices.Equal(m.Held, []secret.Version{m.Version}) || f.has(IDs) && m.Created.IsZero() {
				t.Errorf("%q: got %+v, want version %s", m.Name, m, versions[m.Name])
			}
		}
	}},
	{"AnIdentityIsUniqueAndTheSameInListAndStat", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("1"))
		f.Back.Put(t, "app/db2", value("1"))
		all, err := f.Source.List(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatal(err, len(all))
		}
		m, err := f.Source.Stat(t.Context(), "app/db")
		if err != nil || m.Identity != all[0].Identity || m.Identity == all[1].Identity || !strings.HasSuffix(string(m.Identity), "/app/db") {
			t.Errorf("got %q, listed as %q, beside %q: %v", m.Identity, all[0].Identity, all[1].Identity, err)
		}
		at, err := f.Source.Place(t.Context())
		if err != nil || at == (secret.Place{}) {
			t.Errorf("the place is %q: %v", at, err)
		}
	}},
	{"TagsAndDescriptionAreListed", Tags | Description, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("1"))
		f.Back.Tag(t, "app/db", map[string]string{"SecretSync-SyncAccount": "222222222222", "empty": ""})
		f.Back.Describe(t, "app/db", "a database")
		all, err := f.Source.List(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(err, len(all))
		}
		if m := all[0]; m.Tags["SecretSync-SyncAccount"] != "222222222222" || len(m.Tags) != 2 || m.Description != "a database" {
			t.Errorf("got %+v", m)
		}
	}},
	{"WhatWaitsForItsDeletionIsListed", Schedule, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("1"))
		f.Back.Schedule(t, "app/db")
		all, err := f.Source.List(t.Context())
		if err != nil || len(all) != 1 || all[0].Deleted.IsZero() {
			t.Fatalf("got %+v and the error %v", all, err)
		}
		m, err := f.Source.Stat(t.Context(), "app/db")
		if err != nil || m.Deleted.IsZero() {
			t.Errorf("got %+v and the error %v", m, err)
		}
	}},
	{"StatOfNothingIsNotFound", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("1"))
		f.Back.Remove(t, "app/db")
		f.Back.Put(t, "app/db-2", value("x"))
		_, err := f.Source.Stat(t.Context(), "app/db")
		wantErr(t, err, store.ErrNotFound)
	}},
	{"ReadingTellsTheCurrentVersion", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("1"))
		v := f.Back.Put(t, "app/db", value("2"))
		got := f.Source.Read(t.Context(), []secret.Name{"app/db"})
		if len(got) != 1 || got[0].Err != nil || got[0].Version != v || !got[0].Value.Equal(value("2")) {
			t.Errorf("got %+v", got)
		}
	}},
	{"ReadingAfterAMoveBackTellsTheOldVersion", IDs, func(t *testing.T, f Fixture) {
		old := f.Back.Put(t, "app/db", value("1"))
		f.Back.Put(t, "app/db", value("2"))
		f.Back.MoveCurrent(t, "app/db", old)
		f.Back.Put(t, "app/other", value("3"))
		for _, r := range f.Source.Read(t.Context(), []secret.Name{"app/db", "app/other"})[:1] {
			if r.Err != nil || r.Version != old || !r.Value.Equal(value("1")) {
				t.Errorf("got %+v, want version %s", r, old)
			}
		}
		if m, err := f.Source.Stat(t.Context(), "app/db"); err != nil || m.Version != old || len(m.Held) != 2 {
			t.Errorf("got %+v and the error %v", m, err)
		}
	}},
	{"OneThatCantBeReadSpoilsNoOther", 0, func(t *testing.T, f Fixture) {
		names := []secret.Name{"none/1"}
		for i := range 45 {
			name := secret.Name(fmt.Sprintf("app/%02d", i))
			f.Back.Put(t, name, value(string(name)))
			names = append(names, name)
		}
		if f.has(Schedule) {
			f.Back.Schedule(t, "app/07")
		} else {
			f.Back.Remove(t, "app/07")
		}
		got := f.Source.Read(t.Context(), names)
		if len(got) != len(names) {
			t.Fatalf("got %d answers", len(got))
		}
		for i, r := range got {
			switch names[i] {
			case "none/1":
				wantErr(t, r.Err, store.ErrNotFound)
			case "app/07":
				if f.has(Schedule) {
					wantErr(t, r.Err, store.ErrScheduled)
				} else {
					wantErr(t, r.Err, store.ErrNotFound)
				}
			default:
				if r.Err != nil || r.Name != names[i] || r.Version == "" || !r.Value.Equal(value(string(names[i]))) {
					t.Errorf("%q: %v", names[i], r.Err)
				}
			}
		}
	}},
	{"ValuesComeToTheByte", AnyValue, func(t *testing.T, f Fixture) {
		for i, v := range []secret.Value{
			secret.Text([]byte("{\"a\": 1, \"a\": 90071992547409931, \"b\":\t\"\u00e9\" }\n")),
			secret.Text([]byte("e\u0301 \u2028 \U0001f511 <&> \\u0041 \\ \" \x00 \x7f")),
			secret.Text([]byte(strings.Repeat("k", 65536))),
			secret.Binary([]byte{0, 1, 2, 0xff, 0xfe, '{'}),
			secret.Binary([]byte("looks like text")),
		} {
			name := secret.Name(fmt.Sprintf("app/%d", i))
			f.Back.Put(t, name, v)
			f.Back.Put(t, "app/x", v)
			for _, r := range f.Source.Read(t.Context(), []secret.Name{name, "app/x"}) {
				if r.Err != nil || !r.Value.Equal(v) {
					t.Errorf("%q: %v, %d bytes, binary: %t", r.Name, r.Err, r.Value.Size(), r.Value.IsBinary())
				}
			}
		}
	}},
}
