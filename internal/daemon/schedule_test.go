package daemon

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchedulesFallWhereEventBridgeAndCronSay(t *testing.T) {
	const from = "2026-11-22 22:07:30" // a Sunday
	for _, c := range []struct{ schedule, next string }{
		{"rate(1 minute)", "2026-11-22 22:08:30"},
		{"rate(90 minutes)", "2026-11-22 23:37:30"},
		{"rate(1 hour)", "2026-11-22 23:07:30"},
		{"rate(7 days)", "2026-11-29 22:07:30"},
		{"cron(0 3 * * ? *)", "2026-11-23 03:00:00"},
		{"cron(0/15 * * * ? *)", "2026-11-22 22:15:00"},
		{"cron(5/20 22 * * ? *)", "2026-11-22 22:25:00"},
		{"cron(0 10 ? * 1 *)", "2026-11-29 10:00:00"}, // 1 is Sunday
		{"cron(0 10 ? * 2 *)", "2026-11-23 10:00:00"},
		{"cron(0 10 ? * 7 *)", "2026-11-28 10:00:00"},
		{"cron(0 10 ? * MON-FRI *)", "2026-11-23 10:00:00"},
		{"cron(0 10 ? * mon-fri *)", "2026-11-23 10:00:00"},
		{"cron(0 10 ? * 7,3 *)", "2026-11-24 10:00:00"},
		{"cron(0 10 ? * L *)", "2026-11-28 10:00:00"},  // the last day of a week is Saturday
		{"cron(0 10 ? * 6L *)", "2026-11-27 10:00:00"}, // the last Friday
		{"cron(0 10 ? * FRIL *)", "2026-11-27 10:00:00"},
		{"cron(0 10 ? * 1L *)", "2026-11-29 10:00:00"},
		{"cron(0 10 ? * 1#1 *)", "2026-12-06 10:00:00"},
		{"cron(0 10 ? * 2#1 *)", "2026-12-07 10:00:00"},
		{"cron(0 10 ? * SAT#5 *)", "2027-01-30 10:00:00"},
		{"cron(0 10 ? * */3 *)", "2026-11-25 10:00:00"}, // Sunday, Wednesday, Saturday
		{"cron(0 10 ? * 2/2 *)", "2026-11-23 10:00:00"},
		{"cron(0 10 L * ? *)", "2026-11-30 10:00:00"},
		{"cron(0 10 LW FEB ? 2027)", "2027-02-26 10:00:00"}, // the 28th is a Sunday
		{"cron(0 10 LW JAN,MAY ? *)", "2027-01-29 10:00:00"},
		{"cron(0 10 3,LW JAN ? *)", "2027-01-03 10:00:00"},
		{"cron(*/10 10 LW * ? *)", "2026-11-30 10:00:00"},
		{"cron(0 10 15W * ? *)", "2026-12-15 10:00:00"},
		{"cron(0 10 1W AUG ? 2026-2027)", "2027-08-02 10:00:00"}, // the 1st is a Sunday
		{"cron(0 10 31W * ? *)", "2026-12-31 10:00:00"},
		{"cron(0 10 29 2 ? *)", "2028-02-29 10:00:00"},
		{"cron(0 0 1 1 ? 2026/2)", "2028-01-01 00:00:00"},
		{"cron(0 0 1 1 ? */3)", "2027-01-01 00:00:00"}, // 1970, 1973, … 2027
		{"cron(0 0 1 1 ? 2031,2029)", "2029-01-01 00:00:00"},
		{"0 3 * * *", "2026-11-23 03:00:00"},
		{"*/5 * * * *", "2026-11-22 22:10:00"},
		{"0 10 * * 0", "2026-11-29 10:00:00"},
		{"0 10 * * 7", "2026-11-29 10:00:00"},
		{"0 10 * * sun", "2026-11-29 10:00:00"},
		{"0 10 * * 1-5", "2026-11-23 10:00:00"},
		{"0 10 * * 5-7", "2026-11-27 10:00:00"},
		{"0 10 1 * 3", "2026-11-25 10:00:00"}, // either of them
		{"0 10 24 * 3", "2026-11-24 10:00:00"},
		{"30 2 31 * *", "2026-12-31 02:30:00"},
	} {
		table, err := parseSchedule(c.schedule)
		if err != nil {
			t.Errorf("%s: %v", c.schedule, err)
			continue
		}
		next, ok := table.next(at(t, from), at(t, from))
		if !ok || next != at(t, c.next) {
			t.Errorf("%s: got %v %v, want %s", c.schedule, next, ok, c.next)
		}
	}
}

func TestAScheduleThatIsOverHasNoNextTime(t *testing.T) {
	now := at(t, "2026-11-22 22:07:30")
	for _, s := range []string{"cron(0 3 1 1 ? 2026)", "cron(0 3 * * ? 2020-2025)", "cron(0 3 30 2 ? *)", "cron(0 3 LW 2 ? 2025)", "cron(0 0 1 1 ? 2020/50)", "0 0 31 2 *"} {
		table, err := parseSchedule(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		next, ok := table.next(now, now)
		if s == "cron(0 0 1 1 ? 2020/50)" {
			ok = !ok || next.Year() != 2070 // it has one in 2070
		}
		if ok {
			t.Errorf("%s: got %v", s, next)
		}
	}
}

func TestWhatCanNotBeScheduledIsRefused(t *testing.T) {
	for _, s := range []string{
		"", "hourly", "rate(0 hours)", "rate(999999 days)", "rate(1 week)", "cron(0 3 * * *)", "cron(0 3 1,? * ? *)", "cron(0 3 ? * 2,? *)", "cron(0 3 ? * 8 *)",
		"cron(61 3 * * ? *)", "99 * * * *", "* * * *",
	} {
		if table, err := parseSchedule(s); err == nil {
			t.Errorf("%q is accepted: %v", s, table)
		}
	}
}

func TestARateKeepsItsGridWhateverIsMissed(t *testing.T) {
	start := at(t, "2026-11-22 22:07:30")
	next, _ := rate(time.Hour).next(start, start.Add(10*time.Hour+time.Minute))
	if want := start.Add(11 * time.Hour); next != want {
		t.Errorf("got %v, want %v", next, want)
	}
}

// field is one field of a cron expression with its meaning: the numbers that it holds.
type field struct {
	text string
	has  func(n int) bool
}

func drawField(t *rapid.T, low, high int, name string) field {
	switch rapid.IntRange(0, 4).Draw(t, name) {
	case 0:
		return field{"*", func(int) bool { return true }}
	case 1:
		step := rapid.IntRange(1, high).Draw(t, "step")
		return field{"*/" + strconv.Itoa(step), func(n int) bool { return (n-low)%step == 0 }}
	case 2:
		from := rapid.IntRange(low, high).Draw(t, "from")
		to := rapid.IntRange(from, high).Draw(t, "to")
		return field{strconv.Itoa(from) + "-" + strconv.Itoa(to), func(n int) bool { return from <= n && n <= to }}
	case 3:
		from := rapid.IntRange(low, high).Draw(t, "from")
		step := rapid.IntRange(1, high).Draw(t, "step")
		return field{strconv.Itoa(from) + "/" + strconv.Itoa(step), func(n int) bool { return n >= from && (n-from)%step == 0 }}
	default:
		all := rapid.SliceOfNDistinct(rapid.IntRange(low, high), 1, 4, rapid.ID[int]).Draw(t, "numbers")
		text := make([]string, len(all))
		for i, n := range all {
			text[i] = strconv.Itoa(n)
		}
		return field{strings.Join(text, ","), func(n int) bool { return slices.Contains(all, n) }}
	}
}

func TestEverySixFieldScheduleFallsOnTheFirstMinuteThatItsFieldsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minute, hour := drawField(t, 0, 59, "minute"), drawField(t, 0, 23, "hour")
		month, years := drawField(t, 1, 12, "month"), drawField(t, 1970, 2199, "year")
		day, dayText, weekdayText := lastWeekday, "?", "?"
		switch rapid.IntRange(0, 2).Draw(t, "days") {
		case 0:
			f := drawField(t, 1, 31, "day of month")
			day, dayText = func(d time.Time) bool { return f.has(d.Day()) }, f.text
		case 1:
			f := drawField(t, 1, 7, "day of week")
			day, weekdayText = func(d time.Time) bool { return f.has(int(d.Weekday()) + 1) }, f.text
		default:
			dayText = "LW"
		}
		schedule := "cron(" + strings.Join([]string{minute.text, hour.text, dayText, month.text, weekdayText, years.text}, " ") + ")"
		table, err := parseSchedule(schedule)
		if err != nil {
			t.Fatalf("%s: %v", schedule, err)
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "now")) * time.Minute)
		want, found := time.Time{}, false
		end := now.AddDate(3, 0, 0)
		for d := now.Add(time.Minute); d.Before(end) && !found; {
			midnight := time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, time.UTC)
			switch {
			case !years.has(d.Year()) || !month.has(int(d.Month())) || !day(d):
				d = midnight
			case !hour.has(d.Hour()) || !minute.has(d.Minute()):
				d = d.Add(time.Minute)
			default:
				want, found = d, true
			}
		}
		next, ok := table.next(now, now)
		switch {
		case found && next != want:
			t.Fatalf("%s after %v: got %v %v, want %v", schedule, now, next, ok, want)
		case !found && ok && next.Before(end):
			t.Fatalf("%s after %v: got %v, want none for three years", schedule, now, next)
		}
	})
}
