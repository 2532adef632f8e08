package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

// timetable says when a sync is due.
type timetable interface {
	// next returns the first time after now, going by the one before, last; false: there is none any more. All times are UTC.
	next(last, now time.Time) (time.Time, bool)
}

// rate is a fixed interval, counted from the first run.
type rate time.Duration

func (r rate) next(last, now time.Time) (time.Time, bool) {
	every := time.Duration(r)
	return last.Add((max(now.Sub(last), 0)/every + 1) * every), true
}

// cron is a cron expression.
type cron struct {
	lines []string // seven fields, seconds first, as gronx reads them; whichever comes first counts
	// weekdays are lines of which only the last weekday of a month counts, for which gronx has no sign.
	weekdays []string
}

func (c cron) next(_, now time.Time) (time.Time, bool) {
	var first time.Time
	earlier := func(t time.Time, ok bool) {
		if ok && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, line := range c.lines {
		earlier(after(line, now))
	}
	for _, line := range c.weekdays {
		t, ok := after(line, now)
		for ok && !lastWeekday(t) {
			t, ok = after(line, time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, time.UTC))
		}
		earlier(t, ok)
	}
	return first, !first.IsZero()
}

func after(line string, t time.Time) (time.Time, bool) {
	next, err := gronx.NextTickAfter(line, t.UTC(), false)
	return next, err == nil
}

// lastWeekday reports whether t is on the last day of its month that is neither a Saturday nor a Sunday.
func lastWeekday(t time.Time) bool {
	last := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	for last.Weekday() == time.Saturday || last.Weekday() == time.Sunday {
		last = last.AddDate(0, 0, -1)
	}
	return t.Day() == last.Day()
}

// longestRate is what a rate may be at most. It keeps times far from where they overflow.
const longestRate = 3660 * 24 * time.Hour

var errForm = errors.New("neither rate(…), nor cron(…) with six fields, nor a cron line of five fields")

// parseSchedule reads a schedule of the configuration. The error says what can't be scheduled.
func parseSchedule(s string) (timetable, error) {
	if inner, ok := cutCall(s, "rate"); ok {
		return parseRate(inner)
	}
	if inner, ok := cutCall(s, "cron"); ok {
		if fields := strings.Fields(strings.ToUpper(inner)); len(fields) == 6 {
			return eventBridge(fields)
		}
		return nil, errForm
	}
	fields := strings.Fields(strings.ToUpper(s))
	line := "0 " + strings.Join(fields, " ") + " *"
	if len(fields) != 5 || !gronx.IsValid(line) {
		return nil, errForm
	}
	return cron{lines: []string{line}}, nil
}

func cutCall(s, name string) (inner string, ok bool) {
	if inner, ok = strings.CutPrefix(s, name+"("); ok {
		inner, ok = strings.CutSuffix(inner, ")")
	}
	return inner, ok
}

func parseRate(s string) (timetable, error) {
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(number)
	d := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(unit, "s")]
	switch {
	case err != nil || n < 1 || d == 0:
		return nil, errForm
	case n > int(longestRate/d):
		return nil, errors.New("the rate is longer than ten years")
	}
	return rate(time.Duration(n) * d), nil
}

// The fields of cron(…) that gronx reads in another way.
const (
	dayOfMonth, dayOfWeek, year = 2, 4, 5
	lastYear                    = 2199
)

var dayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// eventBridge turns the fields of cron(…) into lines as gronx reads them. EventBridge counts the days of the week from 1, Sunday, and the years from 1970.
func eventBridge(fields []string) (timetable, error) {
	fields = slices.Clone(fields)
	var err error
	if fields[dayOfWeek], err = each(fields[dayOfWeek], weekday); err != nil {
		return nil, err
	}
	if fields[year], err = each(fields[year], stepOfYears); err != nil {
		return nil, err
	}
	var c cron
	days := strings.Split(fields[dayOfMonth], ",")
	if len(days) > 1 && slices.Contains(days, "?") {
		return nil, errQuestion
	}
	line := func(days string) string {
		return "0 " + strings.Join(slices.Concat(fields[:dayOfMonth], []string{days}, fields[dayOfMonth+1:]), " ")
	}
	if i := slices.Index(days, "LW"); i >= 0 {
		days = slices.DeleteFunc(days, func(d string) bool { return d == "LW" })
		c.weekdays = []string{line("26-31")}
	}
	if len(days) > 0 {
		c.lines = []string{line(strings.Join(days, ","))}
	}
	for _, l := range slices.Concat(c.lines, c.weekdays) {
		if !gronx.IsValid(l) {
			return nil, errForm
		}
	}
	return c, nil
}

var errQuestion = errors.New("? stands alone in its field")

// each replaces every entry of a field.
func each(field string, replace func(string) (string, error)) (string, error) {
	entries := strings.Split(field, ",")
	for i, e := range entries {
		if e == "?" && len(entries) > 1 {
			return "", errQuestion
		}
		var err error
		if entries[i], err = replace(e); err != nil {
			return "", err
		}
	}
	return strings.Join(entries, ","), nil
}

// weekday turns MON, 2, 2-6, 2/2, 6L, 2#1 or L into what means the same where Sunday is 0.
func weekday(entry string) (string, error) {
	span, step, stepped := strings.Cut(entry, "/")
	span, nth, counted := strings.Cut(span, "#")
	span, last := strings.CutSuffix(span, "L")
	switch span {
	case "":
		return "6", nil // L alone: the last day of the week
	case "*", "?":
		return entry, nil
	}
	days := strings.Split(span, "-")
	for i, d := range days {
		n := slices.Index(dayNames, d)
		if n < 0 {
			number, err := strconv.Atoi(d)
			if err != nil || number < 1 || number > 7 {
				return "", fmt.Errorf("the day of week is not a valid field: %w", errForm)
			}
			n = number - 1
		}
		days[i] = strconv.Itoa(n)
	}
	out := strings.Join(days, "-")
	switch {
	case stepped:
		out += "/" + step
	case counted:
		out += "#" + nth
	case last:
		out += "L"
	}
	return out, nil
}

// stepOfYears gives every step of years its end, which gronx needs, and counts */N from 1970.
func stepOfYears(entry string) (string, error) {
	from, step, stepped := strings.Cut(entry, "/")
	switch {
	case !stepped || strings.Contains(from, "-"):
		return entry, nil
	case from == "*":
		from = "1970"
	}
	return fmt.Sprintf("%s-%d/%s", from, lastYear, step), nil
}
