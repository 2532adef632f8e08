package notify

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func failing(names ...string) Message {
	m := Message{Outcome: Failed}
	for _, name := range names {
		m.Failures = append(m.Failures, Failure{Sync: "s", Name: name, Target: "t", Action: "create", Outcome: "failed", Reason: "missing", Error: "request 1"})
	}
	return m
}

func TestAFailureIsToldOnceAndThatNothingFailsAnyMoreOnce(t *testing.T) {
	var r Memory
	good := Message{Outcome: Resolved}
	other := failing("a")
	other.Failures[0].Error = "request 2"
	for i, step := range []struct {
		m    Message
		want string // the outcome that is sent
	}{
		{good, ""}, {failing("a"), Failed}, {failing("a"), ""}, {other, ""}, {failing("a", "b"), Failed}, {failing("b", "a"), ""}, {failing("b"), ""}, {failing("a"), Failed},
		{Message{}, Resolved}, {good, ""}, {failing("b"), Failed}, {good, Resolved},
		{Message{Outcome: Failed, Error: "list: request 17 unavailable"}, Failed}, {Message{Outcome: Failed, Error: "list: request 18 unavailable"}, ""},
		{Message{Outcome: Failed, Error: "list: not permitted"}, Failed},
		{Message{Outcome: Failed, Problems: []Problem{{"s", "t", "x"}}}, Failed}, {Message{Outcome: Failed, Problems: []Problem{{"s", "t", "y"}}}, ""},
		{Message{Outcome: Failed, Brakes: []Brake{{"t", 30, 90, 25}}}, Failed}, {Message{Outcome: Failed, Brakes: []Brake{{"t", 31, 90, 25}}}, ""},
	} {
		got, send := r.Next(step.m, nil)
		if send != (step.want != "") || send && got.Outcome != step.want {
			t.Errorf("step %d: got %q, %v, want %q", i, got.Outcome, send, step.want)
		}
	}
}

func TestARunEndsOnlyWhatItLookedAt(t *testing.T) {
	var r Memory
	only := func(target string) func(Item) bool { return func(i Item) bool { return i.Target == target } }
	elsewhere := failing("b")
	elsewhere.Failures[0].Target = "u"
	for i, step := range []struct {
		m      Message
		covers func(Item) bool
		want   string
	}{
		{failing("a"), nil, Failed}, {elsewhere, only("u"), Failed}, {Message{}, only("v"), ""}, {Message{}, only("u"), ""}, {failing("a"), nil, ""}, {elsewhere, only("u"), Failed},
		{Message{}, only("t"), ""}, {Message{}, only("u"), Resolved},
	} {
		if got, send := r.Next(step.m, step.covers); send != (step.want != "") || send && got.Outcome != step.want {
			t.Errorf("step %d: got %q, %v, want %q", i, got.Outcome, send, step.want)
		}
	}
}

func TestWhatReachedNobodyIsSaidAgain(t *testing.T) {
	var r Memory
	again := func(m Message, want bool) {
		t.Helper()
		got, send := r.Next(m, nil)
		if send != want {
			t.Errorf("sent: %v, want %v", send, want)
		}
		if send {
			r.Undelivered(got)
		}
	}
	again(failing("a"), true)
	again(failing("a"), true)
	again(Message{}, false) // nobody heard of it
	r.Next(failing("a"), nil)
	again(Message{}, true) // somebody did
	again(Message{}, true)
	if _, send := r.Next(Message{}, nil); !send {
		t.Error("the end is not told")
	}
	again(Message{}, false)
	var empty Memory
	empty.Undelivered(failing("a"))
}

func TestAMemoryIsBoundedAndThenTellsTooMuch(t *testing.T) {
	var r Memory
	none := func(Item) bool { return false }
	for i := range maxRemembered {
		r.Next(failing(fmt.Sprint(i)), none)
	}
	for range 2 {
		if _, send := r.Next(failing("more"), none); !send || len(r.known) != maxRemembered {
			t.Errorf("sent %v, %d are remembered", send, len(r.known))
		}
	}
}

func TestAFailureIsToldOnceWhoeverAsksAtTheSameTime(t *testing.T) {
	var r Memory
	var sent atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, send := r.Next(failing("a"), nil); send {
				sent.Add(1)
			}
		})
	}
	all.Wait()
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
}
