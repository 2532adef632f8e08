package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// remove schedules the deletions, last of all. None follows a source that could not be read, an interruption, or a brake.
func (a *applier) remove(ctx context.Context, steps []*step) {
	braked := map[secret.Place]plan.Brake{}
	for _, b := range a.run.Plan.Brakes {
		braked[b.Target.Place] = b
	}
	unwritten := a.out.unwritten()
	var going []*step
	for _, st := range steps {
		b, held := braked[st.Target.Place]
		switch {
		case held && !st.have.Expired:
			a.out.set(st, Skipped, fmt.Errorf("held back: %d deletions of %d copies are more than the limit of %d (--allow-deletes %d lets them go, once)", b.Deletes, b.Of, b.Limit, b.Deletes))
		case unwritten[where{st.Target.Place, secret.Name(st.mark())}]:
			a.out.set(st, Skipped, errors.New("not deleted: another copy of its source could not be written there, and the target shall not be without any"))
		case a.out.failedRead():
			st.again = true
			a.out.set(st, Skipped, errors.New("not deleted: a source could not be read in this run"))
		default:
			going = append(going, st)
		}
	}
	progress := counter{phase: "deleting", total: len(going), report: a.engine.set.Progress}
	each(ctx, len(going), batchesAtOnce*writesAtOnce, func(i int) {
		a.removeOne(ctx, going[i])
		progress.add()
	})
	for _, st := range going {
		a.skipUnlessDone(st)
	}
}

func (a *applier) removeOne(ctx context.Context, st *step) {
	g := a.targets[*st.Target]
	g.slots <- struct{}{}
	defer func() { <-g.slots }()
	if ctx.Err() != nil {
		return
	}
	defer g.enter(a.engine.set.Now)()
	if err := g.verify(); err != nil {
		a.fail(st, err)
		return
	}
	deleter, ok := st.dest.(store.Deleter)
	if !ok {
		a.out.set(st, Refused, errors.New("this kind of store can't delete"))
		return
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	days := plan.DefaultRecoveryDays
	if r := a.engine.rule(st.Sync); r != nil && r.RecoveryDays != 0 {
		days = r.RecoveryDays
	}
	if err := deleter.Delete(within, *st.have, days); err != nil {
		a.fail(st, err)
		return
	}
	a.out.set(st, Applied, nil)
}
