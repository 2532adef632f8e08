package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Destination tests a driver's destinations.
func Destination(t *testing.T, h Harness) { destination.run(t, h) }

var destination = suite{
	{"AnEmptyPlaceListsNothing", 0, func(t *testing.T, f Fixture) {
		all, err := f.Destination.List(t.Context())
		if err != nil || len(all) != 0 {
			t.Errorf("got %d copies and the error %v", len(all), err)
		}
	}},
	{"AListingIsWholeAndSorted", 0, func(t *testing.T, f Fixture) {
		for i := range 130 {
			f.Back.Put(t, secret.Name(fmt.Sprintf("app/%03d", (i*37)%130)), value("x"))
		}
		all, err := f.Destination.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 130 || !slices.IsSortedFunc(all, func(a, b secret.Copy) int { return strings.Compare(string(a.Name), string(b.Name)) }) {
			t.Errorf("got %d copies, sorted or not", len(all))
		}
	}},
	{"WhatWeDidNotWriteHasNoMark", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("theirs"))
		c := mustStat(t, f.Destination, "app/db")
		if !c.Mark.IsZero() || c.WrittenByUs() {
			t.Errorf("got the mark %+v, written by us: %t", c.Mark, c.WrittenByUs())
		}
	}},
	{"ACreatedCopyCarriesValueMarkAndFirstVersion", 0, func(t *testing.T, f Fixture) {
		returned := mustWrite(t, f.Destination, write("app/db", 1, nil))
		wantValue(t, f, "app/db", value("1"), ids(1)[0])
		c := mustStat(t, f.Destination, "app/db")
		want := mark()
		if f.has(IDs) {
			want.First = ids(1)[0]
		}
		if c.Mark != want || returned.Mark != want {
			t.Errorf("got the mark %+v, and %+v from the write, want %+v", c.Mark, returned.Mark, want)
		}
		if c.Version != ids(1)[0] || !c.WrittenByUs() || f.has(Description) && c.Description != "a database" || f.has(Tags) && (c.Tags["team"] != "a" || len(c.Tags) != 1) {
			t.Errorf("got %+v", c)
		}
		if returned.Version != c.Version || returned.Revision != c.Revision {
			t.Errorf("the write answered version %s, revision %s; it is %s, %s", returned.Version, returned.Revision, c.Version, c.Revision)
		}
	}},
	{"WritingAgainWhatIsThereMakesNoVersion", 0, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		before := mustStat(t, f.Destination, "app/db")
		mustWrite(t, f.Destination, write("app/db", 1, before))
		after := mustStat(t, f.Destination, "app/db")
		if f.Back.Versions(t, "app/db") != 1 || after.Revision != before.Revision {
			t.Errorf("%d versions, revision %s, before %s", f.Back.Versions(t, "app/db"), after.Revision, before.Revision)
		}
	}},
	{"ACreationWhoseAnswerWasLostIsTakenAsDone", 0, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		c := mustWrite(t, f.Destination, write("app/db", 1, nil))
		if f.Back.Versions(t, "app/db") != 1 || c.Version != ids(1)[0] {
			t.Errorf("%d versions, the current one is %s", f.Back.Versions(t, "app/db"), c.Version)
		}
	}},
	{"AnUpdateWhoseAnswerWasLostIsTakenAsDone", 0, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		before := mustStat(t, f.Destination, "app/db")
		mustWrite(t, f.Destination, write("app/db", 2, before))
		c := mustWrite(t, f.Destination, write("app/db", 2, before))
		if f.Back.Versions(t, "app/db") != 2 || c.Version != ids(2)[0] {
			t.Errorf("%d versions, the current one is %s", f.Back.Versions(t, "app/db"), c.Version)
		}
	}},
	{"ACreationThatCollidesWithAnotherValueTakesTheNextGeneration", IDs, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		w := write("app/db", 1, nil)
		w.Value = value("other")
		c := mustWrite(t, f.Destination, w)
		wantValue(t, f, "app/db", value("other"), ids(1)[1])
		if stat := mustStat(t, f.Destination, "app/db"); stat.Mark.Generation != 1 || c.Mark.Generation != 1 {
			t.Errorf("the mark's generation is %d, want 1", stat.Mark.Generation)
		}
	}},
	{"ASecretOfSomebodyElseIsNotCreatedOver", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("theirs"))
		_, err := f.Destination.Write(t.Context(), write("app/db", 1, nil))
		wantErr(t, err, store.ErrConflict)
		wantValue(t, f, "app/db", value("theirs"), "")
	}},
	{"ACopyOfAnotherSourceIsNotCreatedOver", 0, func(t *testing.T, f Fixture) {
		w := write("app/db", 1, nil)
		w.Mark.Source = "sm/999999999999/us-east-1/other"
		mustWrite(t, f.Destination, w)
		_, err := f.Destination.Write(t.Context(), write("app/db", 2, nil))
		wantErr(t, err, store.ErrConflict)
		wantValue(t, f, "app/db", value("1"), "")
	}},
	{"ACopyOfAnotherOwnerUnderTheSameIdIsNotWrittenOver", 0, func(t *testing.T, f Fixture) {
		w := write("app/db", 1, nil)
		w.Mark.Owner, w.Value = "another-hub", value("theirs")
		mustWrite(t, f.Destination, w)
		_, err := f.Destination.Write(t.Context(), write("app/db", 1, nil))
		wantErr(t, err, store.ErrConflict)
		wantValue(t, f, "app/db", value("theirs"), ids(1)[0])
	}},
	{"ANewVersionIsCurrentAndOurs", 0, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		before := mustStat(t, f.Destination, "app/db")
		mustWrite(t, f.Destination, write("app/db", 2, before))
		wantValue(t, f, "app/db", value("2"), ids(2)[0])
		c := mustStat(t, f.Destination, "app/db")
		if !c.WrittenByUs() || c.Labelled != ids(2)[0] || f.has(IDs) && (c.Mark.First != ids(1)[0] || !slices.Contains(c.Held, ids(1)[0])) || c.Revision == before.Revision {
			t.Errorf("got %+v", c)
		}
	}},
	{"AWriteOfSomebodyElseIsSeen", 0, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		before := mustStat(t, f.Destination, "app/db")
		v := f.Back.Put(t, "app/db", value("theirs"))
		c := mustStat(t, f.Destination, "app/db")
		if c.WrittenByUs() || f.has(IDs) && c.Version != v || c.Mark.Owner != owner || c.Revision == before.Revision {
			t.Errorf("got %+v", c)
		}
	}},
	{"AWriteOfSomebodyElseIsMended", 0, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		f.Back.Put(t, "app/db", value("theirs"))
		mustWrite(t, f.Destination, write("app/db", 2, mustStat(t, f.Destination, "app/db")))
		wantValue(t, f, "app/db", value("2"), ids(2)[0])
	}},
	{"AHeldVersionIsMadeCurrentWithoutANewOne", IDs, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		mustWrite(t, f.Destination, write("app/db", 2, mustStat(t, f.Destination, "app/db")))
		c := mustWrite(t, f.Destination, write("app/db", 1, mustStat(t, f.Destination, "app/db")))
		wantValue(t, f, "app/db", value("1"), ids(1)[0])
		if n := f.Back.Versions(t, "app/db"); n != 2 || c.Version != ids(1)[0] {
			t.Errorf("%d versions, the write answered %s", n, c.Version)
		}
	}},
	{"AnIdInUseWithAnotherValueIsReplacedByTheNextGeneration", IDs, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		f.Back.Plant(t, "app/db", ids(2)[0], value("planted"))
		c := mustWrite(t, f.Destination, write("app/db", 2, mustStat(t, f.Destination, "app/db")))
		wantValue(t, f, "app/db", value("2"), ids(2)[1])
		if stat := mustStat(t, f.Destination, "app/db"); stat.Mark.Generation != 1 || c.Version != ids(2)[1] {
			t.Errorf("generation %d, version %s", stat.Mark.Generation, c.Version)
		}
	}},
	{"WhereEveryIdIsInUseNothingIsWritten", IDs, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		for _, id := range ids(2) {
			f.Back.Plant(t, "app/db", id, value("planted"))
		}
		_, err := f.Destination.Write(t.Context(), write("app/db", 2, mustStat(t, f.Destination, "app/db")))
		wantErr(t, err, store.ErrCollision)
		wantValue(t, f, "app/db", value("1"), ids(1)[0])
	}},
	{"TagsAreAddedAndOverwrittenAndNeverRemoved", Tags, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		f.Back.Tag(t, "app/db", map[string]string{"theirs": "1", "team": "b"})
		w := write("app/db", 1, mustStat(t, f.Destination, "app/db"))
		w.Tags = map[string]string{"team": "a", "new": ""}
		mustWrite(t, f.Destination, w)
		c := mustStat(t, f.Destination, "app/db")
		if len(c.Tags) != 3 || c.Tags["team"] != "a" || c.Tags["theirs"] != "1" || c.Mark.Owner != owner {
			t.Errorf("got the tags %v, the mark %+v", c.Tags, c.Mark)
		}
		if _, ok := c.Tags["new"]; !ok {
			t.Error("the tag with an empty value is missing")
		}
	}},
	{"ADescriptionIsBroughtIntoLineWithoutANewVersion", Description, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		f.Back.Describe(t, "app/db", "theirs")
		w := write("app/db", 1, mustStat(t, f.Destination, "app/db"))
		w.Value = secret.Value{}
		mustWrite(t, f.Destination, w)
		if c := mustStat(t, f.Destination, "app/db"); c.Description != "a database" || f.Back.Versions(t, "app/db") != 1 {
			t.Errorf("the description is %q", c.Description)
		}
	}},
	{"ASecretIsTakenOverWithMarkAndValue", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db", value("theirs"))
		mustWrite(t, f.Destination, write("app/db", 1, mustStat(t, f.Destination, "app/db")))
		wantValue(t, f, "app/db", value("1"), ids(1)[0])
		c := mustStat(t, f.Destination, "app/db")
		if c.Mark.Owner != owner || c.Mark.Source != source || !c.WrittenByUs() {
			t.Errorf("got %+v", c)
		}
	}},
	{"WhatIsTakenOverAsItIsCountsAsOurs", IDs, func(t *testing.T, f Fixture) {
		v := f.Back.Put(t, "app/db", value("1"))
		w := write("app/db", 1, mustStat(t, f.Destination, "app/db"))
		w.Versions = []secret.Version{v}
		mustWrite(t, f.Destination, w)
		if c := mustStat(t, f.Destination, "app/db"); !c.WrittenByUs() || f.Back.Versions(t, "app/db") != 1 {
			t.Errorf("got %+v", c)
		}
	}},
	{"ADeletionIsScheduledMarkedAndTakenBack", 0, func(t *testing.T, f Fixture) {
		deleter, ok := f.Destination.(store.Deleter)
		if !ok {
			t.Skip("the driver does not delete")
		}
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		if err := deleter.Delete(t.Context(), *mustStat(t, f.Destination, "app/db"), 7); err != nil {
			t.Fatal(err)
		}
		c := mustStat(t, f.Destination, "app/db")
		if c.Deleted.IsZero() || c.Mark.Deleting.IsZero() {
			t.Fatalf("deleted %v, mark %+v", c.Deleted, c.Mark)
		}
		listed, err := f.Destination.List(t.Context())
		if err != nil || len(listed) != 1 || listed[0].Revision != c.Revision {
			t.Errorf("the listing differs: %v %+v, want %+v", err, listed, c)
		}
		if err := deleter.Delete(t.Context(), *c, 7); err != nil {
			t.Errorf("deleting again: %v", err)
		}
		_, err = f.Destination.Write(t.Context(), write("app/db", 2, c))
		wantErr(t, err, store.ErrScheduled)
		_, err = f.Destination.Write(t.Context(), write("app/db", 2, nil))
		wantErr(t, err, store.ErrScheduled)
		w := write("app/db", 2, c)
		w.Restore = true
		mustWrite(t, f.Destination, w)
		wantValue(t, f, "app/db", value("2"), ids(2)[0])
		if c := mustStat(t, f.Destination, "app/db"); !c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() {
			t.Errorf("after the restoration: deleted %v, mark %+v", c.Deleted, c.Mark)
		}
	}},
	{"ADeletionOfSomebodyElseHasNoMark", Schedule, func(t *testing.T, f Fixture) {
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		f.Back.Schedule(t, "app/db")
		if c := mustStat(t, f.Destination, "app/db"); c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() {
			t.Errorf("deleted %v, mark %+v", c.Deleted, c.Mark)
		}
	}},
	{"ARecoveryWindowIsSevenToThirtyDays", 0, func(t *testing.T, f Fixture) {
		deleter, ok := f.Destination.(store.Deleter)
		if !ok {
			t.Skip("the driver does not delete")
		}
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		c := mustStat(t, f.Destination, "app/db")
		for _, days := range []int{0, 6, 31} {
			wantErr(t, deleter.Delete(t.Context(), *c, days), store.ErrInvalid)
		}
		if c := mustStat(t, f.Destination, "app/db"); !c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() {
			t.Errorf("got %+v", c)
		}
	}},
	{"StatAndListAgree", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "a/foreign", value("x"))
		mustWrite(t, f.Destination, write("b/created", 1, nil))
		mustWrite(t, f.Destination, write("c/updated", 1, nil))
		mustWrite(t, f.Destination, write("c/updated", 2, mustStat(t, f.Destination, "c/updated")))
		w := write("d/bare", 1, nil)
		w.Tags, w.Description = nil, ""
		mustWrite(t, f.Destination, w)
		f.Back.Put(t, "d/bare", value("theirs"))
		all, err := f.Destination.List(t.Context())
		if err != nil || len(all) != 4 {
			t.Fatalf("got %d copies and the error %v", len(all), err)
		}
		for _, listed := range all {
			if c := mustStat(t, f.Destination, listed.Name); c.Revision != listed.Revision || c.Revision == "" {
				t.Errorf("%q: listed as %+v, described as %+v", listed.Name, listed, c)
			}
		}
	}},
	{"StatOfNothingIsNotFound", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, "app/db-2", value("x"))
		_, err := f.Destination.Stat(t.Context(), "app/db")
		wantErr(t, err, store.ErrNotFound)
	}},
	{"ValuesArriveToTheByte", AnyValue, func(t *testing.T, f Fixture) {
		for i, v := range []secret.Value{
			secret.Text([]byte("{\"a\": 1, \"a\": 90071992547409931, \"b\":\t\"\u00e9\" }\n")),
			secret.Text([]byte("e\u0301 \u2028 \U0001f511 <&> \\u0041 \\ \" \x00 \x7f")),
			secret.Text([]byte(" ")),
			secret.Text([]byte(strings.Repeat("k", 65536))),
			secret.Binary([]byte{0, 1, 2, 0xff, 0xfe, '{'}),
			secret.Binary([]byte("looks like text")),
		} {
			name := secret.Name(fmt.Sprintf("app/%d", i))
			w := write(name, 1, nil)
			w.Value = v
			mustWrite(t, f.Destination, w)
			wantValue(t, f, name, v, ids(1)[0])
			w = write(name, 2, mustStat(t, f.Destination, name))
			w.Value = v
			mustWrite(t, f.Destination, w)
			wantValue(t, f, name, v, ids(2)[0])
		}
	}},
	{"AValueThatIsTooLargeChangesNothing", AnyValue, func(t *testing.T, f Fixture) {
		w := write("app/db", 1, nil)
		w.Value = secret.Text([]byte(canary + strings.Repeat("k", 65536)))
		_, err := f.Destination.Write(t.Context(), w)
		wantErr(t, err, store.ErrTooLarge)
		_, err = f.Destination.Stat(t.Context(), "app/db")
		wantErr(t, err, store.ErrNotFound)
	}},
	{"NamesAndTagsThatCantBeAreTold", AnyName, func(t *testing.T, f Fixture) {
		for _, name := range []secret.Name{"", "a b", "a*", secret.Name(strings.Repeat("n", 513))} {
			wantErr(t, f.Destination.Check(write(name, 1, nil)), store.ErrBadName)
		}
		w := write("app/db", 1, nil)
		w.Tags = map[string]string{}
		for i := range 47 {
			w.Tags[fmt.Sprint("tag", i)] = "x"
		}
		wantErr(t, f.Destination.Check(w), store.ErrTooManyTags)
		delete(w.Tags, "tag0")
		if err := f.Destination.Check(w); err != nil {
			t.Error(err)
		}
	}},
	{"ReadingForVerificationReturnsTheCurrentValue", 0, func(t *testing.T, f Fixture) {
		verifier, ok := f.Destination.(store.Verifier)
		if !ok {
			t.Skip("the driver does not verify")
		}
		mustWrite(t, f.Destination, write("app/db", 1, nil))
		f.Back.Put(t, "app/other", value("2"))
		got := verifier.Read(t.Context(), []secret.Name{"app/other", "app/none", "app/db"})
		if len(got) != 3 || !got[0].Value.Equal(value("2")) || !got[2].Value.Equal(value("1")) || got[2].Version != ids(1)[0] {
			t.Fatalf("got %+v", got)
		}
		wantErr(t, got[1].Err, store.ErrNotFound)
	}},
}
