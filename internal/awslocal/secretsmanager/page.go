package secretsmanager

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// What a listing is sorted by; "" is byCreated.
const (
	byCreated  = "created-date"
	byAccessed = "last-accessed-date"
	byChanged  = "last-changed-date"
	byName     = "name"
)

// query is what a listing asks for.
type query struct {
	filters []filter
	doomed  bool // with those that are marked for deletion
	by      string
	desc    bool
	max     int
	token   string
}

type page struct {
	entries []*listEntry
	next    string
}

// position is where a page ends: pages stay in step while secrets come and go.
type position struct {
	By   string `json:"b"`
	Desc bool   `json:"d"`
	Key  string `json:"k"`
	Seq  int    `json:"s"`
}

// page returns one page of the caller's secrets, with the lag and the fault that the request has.
func (c *call) page(q query) (page, *service.Error) {
	if q.by == "" {
		q.by = byCreated
	}
	after, err := q.position()
	if err != nil {
		return page{}, err
	}
	st := c.lock(c.home())
	defer c.release()
	st.sweep(c.r.Now)
	p := page{entries: []*listEntry{}}
	if c.r.Listing == service.ListingEmpty {
		return p, nil
	}

	secrets, key := c.ordered(st, q)
	i, step := 0, 1
	if q.desc {
		i, step = len(secrets)-1, -1
	}
	if after != nil {
		i = after.next(secrets, key)
	}
	match := compile(q.filters)
	var last *record
	for ; i >= 0 && i < len(secrets); i += step {
		e := secrets[i].seen(c.r.Now, c.r.Lag)
		if e == nil || !q.doomed && !e.DeletedDate.IsZero() || !match(e) {
			continue
		}
		if len(p.entries) == q.max {
			p.next = position{By: q.by, Desc: q.desc, Key: key(last), Seq: last.seq}.token()
			break
		}
		p.entries, last = append(p.entries, e), secrets[i]
	}
	switch {
	case c.r.Listing == service.ListingNoFirst && after == nil:
		p.entries = []*listEntry{}
	case c.r.Listing == service.ListingTruncated:
		p.next = ""
		if after != nil {
			p.entries = []*listEntry{}
		}
	}
	return p, nil
}

// ordered returns the secrets of a store in ascending order, and the key that they are sorted by before their seq.
// Creation and name are kept in order; the dates change all the time, so that they are sorted for every page.
func (c *call) ordered(st *store, q query) ([]*record, func(*record) string) {
	switch q.by {
	case byCreated:
		return st.ordered, func(*record) string { return "" }
	case byName:
		return st.byNames(), func(x *record) string { return x.name }
	}
	keys := make(map[*record]string, len(st.ordered))
	for _, x := range st.ordered {
		e := x.seen(c.r.Now, c.r.Lag)
		if e == nil {
			continue
		}
		at := time.Time(e.LastChangedDate)
		if q.by == byAccessed {
			at = time.Time(e.LastAccessedDate)
		}
		if !at.IsZero() {
			keys[x] = fmt.Sprintf("%020d", at.UnixNano())
		}
	}
	secrets := slices.Clone(st.ordered)
	slices.SortFunc(secrets, func(a, b *record) int { return cmp.Or(cmp.Compare(keys[a], keys[b]), a.seq-b.seq) })
	return secrets, func(x *record) string { return keys[x] }
}

// next returns the index of the secret that comes after the position.
func (p *position) next(secrets []*record, key func(*record) string) int {
	compare := func(x *record) int { return cmp.Or(cmp.Compare(key(x), p.Key), x.seq-p.Seq) }
	i := sort.Search(len(secrets), func(i int) bool { return compare(secrets[i]) > 0 })
	if !p.Desc {
		return i
	}
	for i--; i >= 0 && compare(secrets[i]) == 0; i-- {
	}
	return i
}

func (p position) token() string {
	text, _ := json.Marshal(p) // a struct of strings and numbers: it never fails
	return base64.RawURLEncoding.EncodeToString(text)
}

// position reads the token of a query; nil is the start.
func (q query) position() (*position, *service.Error) {
	if q.token == "" {
		return nil, nil
	}
	p := new(position)
	text, err := base64.RawURLEncoding.DecodeString(q.token)
	if err != nil || json.Unmarshal(text, p) != nil || p.By != q.by || p.Desc != q.desc {
		return nil, refuse("InvalidNextTokenException", "Invalid NextToken.")
	}
	return p, nil
}
