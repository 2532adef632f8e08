package ssm

import (
	"sort"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// pageQuery is which page of a listing by name is asked for.
type pageQuery struct {
	max   int    // of a page
	asked *int64 // how many at most, if that was said
	after string // the name that the page before ended with; "" is the first page
}

// page is a page of a listing; next is the name that it ends with, if there is more.
type page struct {
	entries []*history
	next    string
}

// page returns one page of what is listed, with the fault that the request has.
func (c *call) page(q pageQuery, listed func(*history) bool) page {
	var p page
	if c.r.Listing == service.ListingEmpty {
		return p
	}
	if q.asked != nil {
		q.max = int(*q.asked)
	}
	all := c.st.listed(c.r.Now)
	first := sort.Search(len(all), func(i int) bool { return all[i].name > q.after })
	for _, h := range all[first:] {
		if !listed(h) {
			continue
		}
		if len(p.entries) == q.max {
			p.next = p.entries[q.max-1].name
			break
		}
		p.entries = append(p.entries, h)
	}
	switch {
	case c.r.Listing == service.ListingNoFirst && q.after == "":
		p.entries = nil
	case c.r.Listing == service.ListingTruncated:
		p.next = ""
		if q.after != "" {
			p.entries = nil
		}
	}
	return p
}
