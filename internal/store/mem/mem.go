// Package mem is a store in memory, for tests: a source and a destination in one, with the semantics that package store asks for, and ways to fail and to be
// changed behind the back of whoever uses it.
package mem

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Call is one call to a place, in the words of package store: "Source.List", "Write".
type Call struct {
	Op   string
	Name secret.Name // of the one secret it is about; empty for listings
	At   secret.Place
}

// Place is one place that holds secrets. It is safe for concurrent use, but for its hooks, which are set before it is used.
type Place struct {
	// Before is called before every call, and may change the place. An error of it is what the call returns, with nothing done. Nil: nothing.
	Before func(Call) error
	// After is called when a call was done. An error of it is what the call returns all the same: a lost answer. Nil: nothing.
	After func(Call) error

	at    secret.Place
	mu    sync.Mutex
	items map[secret.Name]*item
	calls []Call
	made  int
}

// item is one secret.
type item struct {
	values                      map[secret.Version]secret.Value // every version ever, by id
	current, previous, labelled secret.Version
	pending                     secret.Version // may be current
	since                       time.Time      // when current was made so
	mark                        secret.Mark
	tags                        map[string]string
	description                 string
	key                         secret.Key
	created, changed, deleted   time.Time
	bound, unwritable           string
	by                          string // what rotates it
	serial                      int    // counts changes, for the revision
}

// New returns an empty place.
func New(at secret.Place) *Place {
	at.Kind = kind
	return &Place{at: at, items: map[secret.Name]*item{}}
}

// Calls returns how often an operation was called; every one of them where op is empty.
func (p *Place) Calls(op string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if op == "" || c.Op == op {
			n++
		}
	}
	return n
}

// Put writes a value as somebody else, under a new version, and creates the secret where there is none.
func (p *Place) Put(name secret.Name, value secret.Value) secret.Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	v := secret.Version(fmt.Sprintf("%08x-0000-4000-8000-%012x", p.made, p.made))
	p.putVersion(name, v, value)
	return v
}

// PutVersion is Put with a version of the caller's choice.
func (p *Place) PutVersion(name secret.Name, v secret.Version, value secret.Value) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.putVersion(name, v, value)
}

func (p *Place) putVersion(name secret.Name, v secret.Version, value secret.Value) {
	it := p.items[name]
	if it == nil {
		it = &item{values: map[secret.Version]secret.Value{}, created: time.Now()}
		p.items[name] = it
	}
	it.values[v] = value
	it.moveTo(v)
}

// Plant puts a version that no label is on, as somebody who knows the ids to come would.
func (p *Place) Plant(name secret.Name, v secret.Version, value secret.Value) {
	p.edit(name, func(it *item) { it.values[v] = value })
}

// MoveCurrent makes an older version the current one, as somebody else.
func (p *Place) MoveCurrent(name secret.Name, v secret.Version) {
	p.edit(name, func(it *item) { it.moveTo(v) })
}

// Schedule schedules the deletion of a secret, as somebody else.
func (p *Place) Schedule(name secret.Name) {
	p.edit(name, func(it *item) { it.deleted = time.Now() })
}

// Remove removes a secret at once.
func (p *Place) Remove(name secret.Name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.items, name)
}

// Tag sets tags. Marks are not tags here: see Mark.
func (p *Place) Tag(name secret.Name, tags map[string]string) {
	p.edit(name, func(it *item) {
		if it.tags == nil {
			it.tags = map[string]string{}
		}
		maps.Copy(it.tags, tags)
	})
}

// Mark replaces a secret's mark.
func (p *Place) Mark(name secret.Name, m secret.Mark) { p.edit(name, func(it *item) { it.mark = m }) }

// Describe sets a description.
func (p *Place) Describe(name secret.Name, text string) {
	p.edit(name, func(it *item) { it.description = text })
}

// SetKey sets the key that a secret is under.
func (p *Place) SetKey(name secret.Name, key secret.Key) {
	p.edit(name, func(it *item) { it.key = key })
}

// Bind says why a secret is not its own: as Meta.Bound for sources, as Copy.Unwritable for destinations.
func (p *Place) Bind(name secret.Name, why string) {
	p.edit(name, func(it *item) { it.bound, it.unwritable = why, why })
}

// Value returns a secret's current value and version, past all hooks; zero where there is none.
func (p *Place) Value(name secret.Name) (secret.Value, secret.Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := p.items[name]
	if it == nil {
		return secret.Value{}, ""
	}
	return it.values[it.current], it.current
}

// Versions returns how many versions a secret ever had.
func (p *Place) Versions(name secret.Name) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if it := p.items[name]; it != nil {
		return len(it.values)
	}
	return 0
}

func (p *Place) edit(name secret.Name, do func(*item)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := p.items[name]
	if it == nil {
		panic(fmt.Sprintf("mem: no secret %q", name)) // a mistake of the test
	}
	do(it)
	it.touch()
}

func (it *item) touch() {
	it.changed = time.Now()
	it.serial++
}

// moveTo makes v the current version.
func (it *item) moveTo(v secret.Version) {
	if it.current != v {
		if it.pending == it.current {
			it.pending = "" // it was pending no longer
		}
		it.previous, it.current, it.since = it.current, v, time.Now()
	}
	it.touch()
}

func (it *item) held() []secret.Version {
	all := slices.DeleteFunc([]secret.Version{it.current, it.previous, it.labelled, it.pending}, func(v secret.Version) bool { return v == "" })
	slices.Sort(all)
	return slices.Compact(all)
}

// do makes one call: the hooks around f, which runs alone.
func (p *Place) do(c Call, f func() error) error {
	c.At = p.at
	p.mu.Lock()
	p.calls = append(p.calls, c)
	p.mu.Unlock()
	if p.Before != nil {
		if err := p.Before(c); err != nil {
			return err
		}
	}
	p.mu.Lock()
	err := f()
	p.mu.Unlock()
	if err == nil && p.After != nil {
		err = p.After(c)
	}
	return err
}

func (p *Place) fail(op string, name secret.Name, kind error, why string) error {
	e := &store.Error{Op: op, Name: name, Place: p.at, Kind: kind}
	if why != "" {
		e.Err = errors.New(why)
	}
	return e
}

// sorted returns the names, in order.
func (p *Place) sorted() []secret.Name {
	return slices.SortedFunc(maps.Keys(p.items), func(a, b secret.Name) int { return strings.Compare(string(a), string(b)) })
}
