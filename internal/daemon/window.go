package daemon

import (
	"slices"
	"time"
)

// next returns the first time, not before t, that is in the window: t itself where it is in it. Where w is nil that is every time. To is in the window no more.
func (w *Window) next(t time.Time) time.Time {
	if w == nil {
		return t
	}
	t = t.UTC()
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	for day := -1; day <= 7; day++ { // yesterday's may go on today; a week from today is the last that can be the first
		begins := midnight.AddDate(0, 0, day)
		if w.Days != nil && !slices.Contains(w.Days, begins.Weekday()) {
			continue
		}
		from, to := begins.Add(w.From), begins.Add(w.To)
		if w.To <= w.From {
			to = to.AddDate(0, 0, 1)
		}
		switch {
		case !t.Before(to):
		case t.Before(from):
			return from
		default:
			return t
		}
	}
	return t // a window that is on no day: there is none such
}
