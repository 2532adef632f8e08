package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

const scheduleHelp = `write "rate(1 hour)", "cron(0 3 * * ? *)" with six fields as EventBridge has them, or a cron line of five fields; times are UTC`

var rateForm = regexp.MustCompile(`^rate\(([1-9][0-9]{0,5}) (minute|hour|day)(s?)\)$`)

// schedule reads when a sync runs unattended. Only the syntax is checked.
func (p *parser) schedule(n *yaml.Node, what string) string {
	s, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if problem := checkSchedule(s); problem != "" {
		p.errorf(n, "%s: %q: %s", what, p.raw.text(n), problem)
	}
	return s
}

// checkSchedule returns what is wrong with a schedule; empty if nothing is. It quotes nothing of it.
func checkSchedule(s string) string {
	switch inner, isCron := strings.CutPrefix(s, "cron("); {
	case strings.HasPrefix(s, "rate"):
		m := rateForm.FindStringSubmatch(s)
		switch {
		case m == nil:
			return "a rate is written rate(1 hour) or rate(15 minutes), in minutes, hours or days"
		case (m[1] == "1") != (m[3] == ""):
			return "EventBridge wants the singular for 1 and the plural for more: rate(1 hour), rate(2 hours)"
		}
		return ""
	case isCron:
		inner, closed := strings.CutSuffix(inner, ")")
		if !closed {
			return "the ) is missing"
		}
		fields := strings.Fields(inner)
		if len(fields) == 5 {
			return "cron(…) has six fields, the last is the year: add * for every year"
		}
		if len(fields) != 6 {
			return "cron(…) has six fields: minutes, hours, day of month, month, day of week, year"
		}
		if (fields[2] == "?") == (fields[4] == "?") {
			return "of day of month and day of week exactly one must be ?"
		}
		return checkFields(fields, eventBridgeFields)
	default:
		fields := strings.Fields(s)
		if len(fields) != 5 {
			return scheduleHelp
		}
		return checkFields(fields, cronFields)
	}
}

// cronField says what one field of a cron line may hold.
type cronField struct {
	name      string
	low, high int
	names     []string // the first stands for low
	special   string   // letters and signs that EventBridge adds
}

var (
	months = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	days   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

	cronFields = []cronField{
		{"minute", 0, 59, nil, ""}, {"hour", 0, 23, nil, ""}, {"day of month", 1, 31, nil, ""}, {"month", 1, 12, months, ""}, {"day of week", 0, 7, days, ""},
	}
	eventBridgeFields = []cronField{
		{"minute", 0, 59, nil, ""}, {"hour", 0, 23, nil, ""}, {"day of month", 1, 31, nil, "LW"}, {"month", 1, 12, months, ""}, {"day of week", 1, 7, days, "L#"},
		{"year", 1970, 2199, nil, ""},
	}
)

func checkFields(fields []string, forms []cronField) string {
	for i, form := range forms {
		for entry := range strings.SplitSeq(strings.ToUpper(fields[i]), ",") {
			if !form.has(entry) {
				return "the " + form.name + " is not a valid field"
			}
		}
	}
	return ""
}

// has reports whether one entry of a field is valid: "*", "7", "MON-FRI", "*/5", "0-30/10" and, for EventBridge, "?", "L", "15W", "6L", "2#1".
func (f cronField) has(entry string) bool {
	if f.special != "" {
		switch {
		case entry == "?", entry == "L":
			return true
		case entry == "LW":
			return strings.Contains(f.special, "W")
		}
		if day, ok := strings.CutSuffix(entry, "W"); ok && strings.Contains(f.special, "W") {
			return f.number(day) >= 0
		}
		if day, ok := strings.CutSuffix(entry, "L"); ok && strings.Contains(f.special, "#") {
			return f.number(day) >= 0
		}
		if day, nth, ok := strings.Cut(entry, "#"); ok && strings.Contains(f.special, "#") {
			return f.number(day) >= 0 && len(nth) == 1 && nth >= "1" && nth <= "5"
		}
	}
	span, step, stepped := strings.Cut(entry, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 || n > f.high {
			return false
		}
	}
	if span == "*" {
		return true
	}
	from, to, ranged := strings.Cut(span, "-")
	if !ranged {
		return f.number(from) >= 0
	}
	return f.number(from) >= 0 && f.number(to) >= f.number(from)
}

// number returns the number that s writes, or -1 if the field can't have it.
func (f cronField) number(s string) int {
	if i := slices.Index(f.names, s); i >= 0 {
		return i + f.low
	}
	n, err := strconv.Atoi(s)
	if err != nil || strings.ContainsAny(s, "+-") || n < f.low || n > f.high {
		return -1
	}
	return n
}
