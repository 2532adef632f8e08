package engine

import "sync"

// counter reports how far a phase is.
type counter struct {
	mu     sync.Mutex
	done   int
	total  int
	phase  string
	report func(Progress)
}

func (c *counter) add() {
	c.mu.Lock()
	c.done = min(c.done+1, c.total)
	p := Progress{Phase: c.phase, Done: c.done, Of: c.total}
	c.mu.Unlock()
	c.report(p)
}
