package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// S0-B1, fault 3.
func TestAnEmptyListingOfTheSourceFailsTheSyncAndDeletesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 30)
	for what, listing := range map[string]service.Listing{"nothing": service.ListingEmpty, "not the first page": service.ListingNoFirst} {
		l.aws.Faults().Clear()
		l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Listing: listing})
		if _, err := e.Plan(t.Context(), engine.Options{}); err == nil || !strings.Contains(err.Error(), "incomplete") {
			t.Errorf("%s: got %v, want an error that says the listing is incomplete", what, err)
		}
	}
}

// Fault 3, where orphans are kept: an empty listing neither fails the sync nor touches a copy.
func TestAnEmptyListingOfTheSourceKeepsEveryCopyWhereOrphansAreRetained(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(strings.Replace(deleting, "deletion: delete, recoveryDays: 9", "deletion: retain", 1))
	l.estate(e, 8)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Listing: service.ListingEmpty})
	if r := l.sync(e, engine.Options{}); r.Summary.Keep != 8 || r.Summary.Writes() != 0 {
		t.Errorf("got\n%s", outcomes(r))
	}
	expect(t, "calls", l.calls(), "ListSecrets 2")
}

// S0-B1, fault 3, fault 4.
func TestAFewSecretsThatAListingLeftOutAreKeptAsStale(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 103)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Listing: service.ListingTruncated})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
skipped keep unwanted app/100 123456789012/eu-west-1
skipped keep unwanted app/101 123456789012/eu-west-1
skipped keep unwanted app/102 123456789012/eu-west-1`)
	if len(r.StaleList) != 3 || r.NotAsWanted() {
		t.Errorf("the stale list names %v", r.StaleList)
	}
}

// S0-27, fault 3, fault 32.
func TestABrakeHoldsDeletionsBackAndAPersonLiftsIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 30)
	for i := range 6 {
		l.remove(hub, east, fmt.Sprintf("app/%03d", i))
	}
	l.put(hub, east, "app/020", "new")
	r := l.sync(e, engine.Options{})
	if !r.Braked() || r.Brakes[0].Deletes != 6 || r.Brakes[0].Of != 30 || r.Brakes[0].Limit != 4 {
		t.Errorf("brakes: %+v", r.Brakes)
	}
	if !strings.Contains(outcomes(r), "applied update new-version app/020") || strings.Contains(outcomes(r), "applied delete") {
		t.Errorf("got\n%s", outcomes(r))
	}
	allow := 6
	if r := l.sync(e, engine.Options{AllowDeletes: &allow}); r.Braked() || strings.Count(outcomes(r), "applied delete") != 6 {
		t.Errorf("with six allowed:\n%s", outcomes(r))
	}
}

// Fault 3.
func TestABrakeCountsLivingCopiesOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 60)
	for i := range 25 {
		l.remove(hub, east, fmt.Sprintf("app/%03d", i))
	}
	l.sync(e, engine.Options{AllowDeletes: ptr(25)})
	for i := range 5 {
		l.remove(hub, east, fmt.Sprintf("app/%03d", 30+i))
	}
	if r := l.sync(e, engine.Options{}); !r.Braked() || r.Brakes[0].Of != 35 {
		t.Errorf("five deletions of 35 living copies are 14 %%, more than 10: %+v\n%s", r.Brakes, outcomes(r))
	}
}
