package daemon

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

func clock(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse("Mon 2006-01-02 15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAWindowOpensWhenItSays(t *testing.T) {
	const hour = time.Hour
	workdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	for _, c := range []struct {
		name        string
		window      *Window
		after, next string
	}{
		{"none", nil, "Wed 2026-03-04 05:06:07", "Wed 2026-03-04 05:06:07"},
		{"before it", &Window{From: 2 * hour, To: 4 * hour}, "Wed 2026-03-04 01:59:59", "Wed 2026-03-04 02:00:00"},
		{"at its beginning", &Window{From: 2 * hour, To: 4 * hour}, "Wed 2026-03-04 02:00:00", "Wed 2026-03-04 02:00:00"},
		{"in it", &Window{From: 2 * hour, To: 4 * hour}, "Wed 2026-03-04 03:30:00", "Wed 2026-03-04 03:30:00"},
		{"at its end", &Window{From: 2 * hour, To: 4 * hour}, "Wed 2026-03-04 04:00:00", "Thu 2026-03-05 02:00:00"},
		{"over midnight, in the evening", &Window{From: 22 * hour, To: 2 * hour}, "Wed 2026-03-04 23:00:00", "Wed 2026-03-04 23:00:00"},
		{"over midnight, in the morning", &Window{From: 22 * hour, To: 2 * hour}, "Wed 2026-03-04 01:59:59", "Wed 2026-03-04 01:59:59"},
		{"over midnight, by day", &Window{From: 22 * hour, To: 2 * hour}, "Wed 2026-03-04 02:00:00", "Wed 2026-03-04 22:00:00"},
		{"until midnight", &Window{From: 22 * hour, To: 0}, "Wed 2026-03-04 23:59:59", "Wed 2026-03-04 23:59:59"},
		{"until midnight, and over", &Window{From: 22 * hour, To: 0}, "Thu 2026-03-05 00:00:00", "Thu 2026-03-05 22:00:00"},
		{"from midnight", &Window{From: 0, To: hour}, "Wed 2026-03-04 23:59:59", "Thu 2026-03-05 00:00:00"},
		{"a day to come", &Window{From: 2 * hour, To: 4 * hour, Days: []time.Weekday{time.Sunday}}, "Wed 2026-03-04 03:00:00", "Sun 2026-03-08 02:00:00"},
		{"the only day, missed", &Window{From: 2 * hour, To: 4 * hour, Days: []time.Weekday{time.Sunday}}, "Sun 2026-03-08 04:00:00", "Sun 2026-03-15 02:00:00"},
		{"the day on which it begins counts", &Window{From: 22 * hour, To: 2 * hour, Days: []time.Weekday{time.Sunday}}, "Mon 2026-03-09 01:00:00", "Mon 2026-03-09 01:00:00"},
		{"and not that on which it ends", &Window{From: 22 * hour, To: 2 * hour, Days: []time.Weekday{time.Sunday}}, "Sun 2026-03-08 01:00:00", "Sun 2026-03-08 22:00:00"},
		{"over the weekend", &Window{From: 2 * hour, To: 4 * hour, Days: workdays}, "Fri 2026-03-06 12:00:00", "Mon 2026-03-09 02:00:00"},
		{"over the end of a month", &Window{From: 2 * hour, To: 4 * hour, Days: []time.Weekday{time.Sunday}}, "Mon 2024-02-26 12:00:00", "Sun 2024-03-03 02:00:00"},
		{"over the end of a year", &Window{From: 23 * hour, To: hour}, "Fri 2027-01-01 00:30:00", "Fri 2027-01-01 00:30:00"},
	} {
		if got, want := c.window.next(clock(t, c.after)), clock(t, c.next); !got.Equal(want) {
			t.Errorf("%s: got %v, want %v", c.name, got, want)
		}
	}
}

func TestAWindowIsInUTC(t *testing.T) {
	at := time.Date(2026, 3, 4, 3, 0, 0, 0, time.FixedZone("", -5*3600)) // 08:00
	w := &Window{From: 2 * time.Hour, To: 4 * time.Hour}
	if got := w.next(at); !got.Equal(clock(t, "Thu 2026-03-05 02:00:00")) {
		t.Errorf("got %v", got)
	}
}

// What is found is in the window, not before what it is looked for from, and nothing in between is.
func TestAWindowIsFoundAtItsFirstMinute(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		minutes := rapid.IntRange(0, 24*60-1)
		w := &Window{From: time.Duration(minutes.Draw(r, "from")) * time.Minute, To: time.Duration(minutes.Draw(r, "to")) * time.Minute}
		if w.From == w.To {
			r.Skip()
		}
		for day := range 7 {
			if rapid.Bool().Draw(r, "day") {
				w.Days = append(w.Days, time.Weekday(day))
			}
		}
		in := func(t time.Time) bool { // in other words
			minute := time.Duration(t.Hour()*60+t.Minute()) * time.Minute
			on := func(d time.Weekday) bool {
				if w.Days == nil {
					return true
				}
				for _, day := range w.Days {
					if day == d%7 {
						return true
					}
				}
				return false
			}
			if w.From < w.To {
				return minute >= w.From && minute < w.To && on(t.Weekday())
			}
			return minute >= w.From && on(t.Weekday()) || minute < w.To && on(t.Weekday()+6)
		}
		at := time.Date(2026, 2, 25, 0, minutes.Draw(r, "at"), 0, 0, time.UTC)
		next := w.next(at)
		if !in(next) || next.Before(at) {
			r.Fatalf("%+v: %v leads to %v", w, at, next)
		}
		for ; at.Before(next); at = at.Add(time.Minute) {
			if in(at) {
				r.Fatalf("%+v: %v was left out for %v", w, at, next)
			}
		}
	})
}

func TestWhenARotationIsDue(t *testing.T) {
	night := &Window{From: 2 * time.Hour, To: 4 * time.Hour}
	for _, c := range []struct {
		name             string
		r                Rotation
		last             string
		begun            bool
		now, due, begins string // empty: never
	}{
		{"on demand", Rotation{}, "Wed 2026-03-04 05:00:00", true, "Wed 2026-03-04 06:00:00", "", ""},
		{"young", Rotation{Every: 48 * time.Hour}, "Wed 2026-03-04 05:00:00", false, "Wed 2026-03-04 06:00:00", "Fri 2026-03-06 05:00:00", "Fri 2026-03-06 05:00:00"},
		{"old", Rotation{Every: 48 * time.Hour}, "Sun 2026-03-01 05:00:00", false, "Wed 2026-03-04 06:00:00", "Tue 2026-03-03 05:00:00", "Wed 2026-03-04 06:00:00"},
		{"old, in the window", Rotation{Every: 48 * time.Hour, Window: night}, "Sun 2026-03-01 05:00:00", false, "Wed 2026-03-04 03:00:00", "Wed 2026-03-04 02:00:00", "Wed 2026-03-04 03:00:00"},
		{"old, and the window is missed", Rotation{Every: 48 * time.Hour, Window: night}, "Sat 2026-02-28 05:00:00", false, "Wed 2026-03-04 06:00:00", "Tue 2026-03-03 02:00:00", "Thu 2026-03-05 02:00:00"},
		{"begun, out of the window", Rotation{Every: 48 * time.Hour, Window: night}, "Tue 2026-03-03 05:00:00", true, "Wed 2026-03-04 06:00:00", "Wed 2026-03-04 06:00:00", "Wed 2026-03-04 06:00:00"},
		{"begun, of an unknown age", Rotation{Every: 48 * time.Hour}, "", true, "Wed 2026-03-04 06:00:00", "Wed 2026-03-04 06:00:00", "Wed 2026-03-04 06:00:00"},
		{"of an unknown age", Rotation{Every: 48 * time.Hour}, "", false, "Wed 2026-03-04 06:00:00", "", ""},
		{"of an unknown age, by schedule", Rotation{Schedule: "rate(1 day)"}, "", false, "Wed 2026-03-04 06:00:00", "", ""},
		{"by schedule", Rotation{Schedule: "cron(0 3 ? * SUN *)"}, "Sun 2026-03-01 03:05:00", false, "Wed 2026-03-04 06:00:00", "Sun 2026-03-08 03:00:00", "Sun 2026-03-08 03:00:00"},
		{"by a schedule that was missed", Rotation{Schedule: "cron(0 3 ? * SUN *)"}, "Sun 2026-02-22 03:05:00", false, "Wed 2026-03-04 06:00:00", "Sun 2026-03-01 03:00:00", "Wed 2026-03-04 06:00:00"},
		{"by a rate", Rotation{Schedule: "rate(2 days)"}, "Tue 2026-03-03 05:00:00", false, "Wed 2026-03-04 06:00:00", "Thu 2026-03-05 05:00:00", "Thu 2026-03-05 05:00:00"},
	} {
		at := func(s string) time.Time {
			if s == "" {
				return time.Time{}
			}
			return clock(t, s)
		}
		due, begins, err := c.r.When(at(c.last), c.begun, at(c.now))
		if err != nil || !due.Equal(at(c.due)) || !begins.Equal(at(c.begins)) {
			t.Errorf("%s: due %v, begins %v, %v", c.name, due, begins, err)
		}
	}
	if _, _, err := (Rotation{Name: "hub a", Schedule: "never"}).When(time.Time{}, false, time.Now()); err == nil {
		t.Error("a schedule that can't be kept is no error")
	}
}

func TestANameStandsForOneRotation(t *testing.T) {
	s := &Session{Rotations: []Rotation{{Name: "hub app/db", Secret: "app/db"}, {Name: "dr app/db", Secret: "app/db"}, {Name: "hub other", Secret: "other"}, {Name: "dr hub other", Secret: "hub other"}}}
	for _, c := range []struct {
		names []secret.Name
		want  string
	}{
		{[]secret.Name{"other"}, "hub other"},
		{[]secret.Name{"dr app/db", "hub app/db", "dr app/db"}, "hub app/db, dr app/db"},
		{[]secret.Name{"hub other", "other"}, "hub other"},
		{[]secret.Name{"app/db"}, `rotate "app/db": invalid: in several stores: say which, as in "hub app/db"`},
		{[]secret.Name{"other", "nobody"}, `rotate "nobody": not found: the configuration has no such rotation`},
	} {
		all, err := s.Named(c.names)
		got := ""
		for i, r := range all {
			if i > 0 {
				got += ", "
			}
			got += r.Name
		}
		if err != nil {
			got += err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %s", c.names, got)
		}
	}
}
