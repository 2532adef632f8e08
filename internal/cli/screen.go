package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

const (
	eraseLine     = "\r\x1b[K"
	progressEvery = 100 * time.Millisecond
)

// screen is standard error. Where that is a terminal, its last line can show how far a run is: whatever else is written replaces that line first.
// It is safe for concurrent use.
type screen struct {
	terminal bool

	mu    sync.Mutex
	w     io.Writer
	shown bool
	last  time.Time
}

func newScreen(w io.Writer) *screen { return &screen{w: w, terminal: isTerminal(w)} }

// Write takes the progress away and writes p.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return s.w.Write(p)
}

// line writes a line. Where standard error is gone there is nobody left to tell, and the exit code says what became of the command.
func (s *screen) line(text string) { _, _ = io.WriteString(s, text+"\n") }

// clear takes the progress away.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *screen) erase() {
	if s.shown {
		_, _ = io.WriteString(s.w, eraseLine) // a terminal that is gone needs no cleaning
		s.shown = false
	}
}

// progress shows how far a run is, ten times a second at most.
func (s *screen) progress(p engine.Progress) {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown && time.Since(s.last) < progressEvery {
		return
	}
	s.last, s.shown = time.Now(), true
	_, _ = fmt.Fprintf(s.w, "%s%s: %d of %d", eraseLine, p.Phase, p.Done, p.Of) // a terminal that is gone needs no progress
}
