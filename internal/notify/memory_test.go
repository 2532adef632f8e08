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

func TestAFailureIsToldOnceAgainWhenItChangesAndItsEndOnce(t *testing.T) {
	var r Memory
	good := Message{Outcome: Resolved}
	other := failing("a")
	other.Failures[0].Error = "request 2"
	for i, step := range []struct {
		m    Message
		want string // the outcome that is sent
	}{
		{good, ""}, {failing("a"), Failed}, {failing("a"), ""}, {other, ""}, {failing("a", "b"), Failed}, {failing("b", "a"), ""}, {failing("b"), Failed},
		{Message{}, Resolved}, {good, ""}, {failing("b"), Failed}, {good, Resolved},
		{Message{Outcome: Failed, Error: "list: request 17 unavailable"}, Failed}, {Message{Outcome: Failed, Error: "list: request 18 unavailable"}, ""},
		{Message{Outcome: Failed, Error: "list: not permitted"}, Failed},
		{Message{Outcome: Failed, Problems: []Problem{{"s", "t", "x"}}}, Failed}, {Message{Outcome: Failed, Problems: []Problem{{"s", "t", "y"}}}, ""},
		{Message{Outcome: Failed, Brakes: []Brake{{"t", 30, 90, 25}}}, Failed}, {Message{Outcome: Failed, Brakes: []Brake{{"t", 31, 90, 25}}}, ""},
	} {
		got, send := r.Next("s", step.m)
		if send != (step.want != "") || send && got.Outcome != step.want {
			t.Errorf("step %d: got %q, %v, want %q", i, got.Outcome, send, step.want)
		}
	}
	if _, send := r.Next("another", failing("a")); !send {
		t.Error("one sync's failure hid another's")
	}
}

func TestWhatReachedNobodyIsSaidAgain(t *testing.T) {
	var r Memory
	again := func(m Message, want bool) {
		t.Helper()
		got, send := r.Next("s", m)
		if send != want {
			t.Errorf("sent: %v, want %v", send, want)
		}
		if send {
			r.Undelivered("s", got)
		}
	}
	again(failing("a"), true)
	again(failing("a"), true)
	again(Message{}, false) // nobody heard of it
	r.Next("s", failing("a"))
	again(failing("b"), true)
	again(failing("b"), true)
	again(Message{}, true) // somebody heard of a
	again(Message{}, true)
	if _, send := r.Next("s", Message{}); !send {
		t.Error("the end is not told")
	}
	again(Message{}, false)
	var empty Memory
	empty.Undelivered("s", Message{Outcome: Resolved})
	empty.Undelivered("s", failing("a"))
}

func TestAMemoryIsBoundedAndThenTellsTooMuch(t *testing.T) {
	var r Memory
	for i := range maxRemembered {
		r.Next(fmt.Sprint(i), failing("a"))
	}
	for range 2 {
		if _, send := r.Next("more", failing("a")); !send || len(r.syncs) != maxRemembered {
			t.Errorf("sent %v, %d are remembered", send, len(r.syncs))
		}
	}
	r.Next("0", Message{})
	if _, send := r.Next("more", failing("a")); !send {
		t.Error("not told")
	}
	if _, send := r.Next("more", failing("a")); send {
		t.Error("told twice")
	}
}

func TestAFailureIsToldOnceWhoeverAsksAtTheSameTime(t *testing.T) {
	var r Memory
	var sent atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, send := r.Next("s", failing("a")); send {
				sent.Add(1)
			}
		})
	}
	all.Wait()
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
}
