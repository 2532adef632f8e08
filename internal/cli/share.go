package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/share"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const aboutShare = `Lets a principal of another account read a secret where it is, instead of copying it: by one statement in the policy of the secret's key, and one in the
secret's own policy. Both changes are shown, then made; what else stands in these policies stays as it is. --revoke takes our two statements back.

PRINCIPAL is an account of 12 digits, or the ARN of a role or a user. Without --with, it lists with whom the secret is shared.`

func newShare(a *app) *cobra.Command {
	var with, from string
	var revoke, dryRun bool
	cmd := &cobra.Command{
		Use: "share NAME [--with PRINCIPAL] [--revoke]", Short: "Lets another account read a secret where it is, instead of copying it", Long: aboutShare, Args: cobra.ExactArgs(1),
		Example: "  secretsync share app/db --with arn:aws:iam::222222222222:role/app --dry-run\n  secretsync share app/db --with 222222222222 --revoke",
	}
	cmd.Flags().StringVar(&with, "with", "", "who may read it: an account of 12 digits, or the ARN of a role or a user")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "take back what was shared with the principal")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().StringVar(&from, "store", "", "the store of the configuration that holds the secret, where several could")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		list := !cmd.Flags().Changed("with")
		var whom share.Principal
		switch {
		case list && (revoke || dryRun):
			return errors.New("--revoke and --dry-run need --with PRINCIPAL")
		case cmd.Flags().Changed("store") && from == "":
			return errors.New("--store is empty: want the name of a store")
		case !list:
			var err error
			if whom, err = share.ParsePrincipal(with); err != nil {
				return fmt.Errorf("--with: %w", err)
			}
		}
		s, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		at, err := sharing(cmd.Context(), s, secret.StoreName(from), args[0])
		if err != nil {
			a.introduceFailed(s)
			return err
		}
		if list {
			return a.shareList(cmd.Context(), s, at, secret.Name(args[0]))
		}
		return a.share(cmd.Context(), s, at, share.Request{Secret: secret.Name(args[0]), With: whom, Revoke: revoke}, dryRun)
	}
	return cmd
}

// share shows what a request changes, and changes it.
func (a *app) share(ctx context.Context, s *session, at store.Sharing, r share.Request, dryRun bool) error {
	p, err := share.Make(ctx, at, r)
	if err != nil {
		a.introduceFailed(s)
		return err
	}
	a.introduce(ctx, s, "", false)
	a.warnAll(p.Notes)
	if !a.json() { // shown before anything is changed
		if err := a.print(a.sharePlanPage(p)); err != nil {
			return err
		}
	}
	if !dryRun {
		err = share.Apply(ctx, at, p)
	}
	done := slices.ContainsFunc(p.Changes, func(c *share.Change) bool { return c.Outcome == share.Applied })
	if err != nil && !done && (ctx.Err() != nil || errors.Is(err, store.ErrConflict)) {
		return err // nothing was attempted
	}
	result := func() error { return a.print(a.shareResultPage(p, dryRun, err)) }
	if a.json() {
		result = func() error { return a.printJSON(shareJSON(p)) }
	}
	if failed := result(); failed != nil {
		return failed
	}
	if err != nil {
		a.fail(err.Error())
		return exit(exitPartly)
	}
	return nil
}

func (a *app) shareList(ctx context.Context, s *session, at store.Sharing, name secret.Name) error {
	l, err := share.List(ctx, at, name)
	if err != nil {
		a.introduceFailed(s)
		return err
	}
	a.introduce(ctx, s, "", false)
	if l.KeyErr != nil {
		a.warn("the key's policy could not be looked at: " + l.KeyErr.Error())
	}
	if a.json() {
		return a.printJSON(struct {
			Version int           `json:"version"`
			Secret  sharedJSON    `json:"secret"`
			Grants  []share.Grant `json:"grants"`
		}{1, sharedOf(l.Secret), l.Grants})
	}
	return a.print(a.grantsPage(l))
}

// sharing opens the store that holds a secret, which its name or ARN, the flag --store or the configuration says:
//
//	--store is given                       that store
//	an ARN                                 the one store that is in its account and Region, or can be opened there
//	one store with one place can share     that store
//	several                                the only one that a sync reads from; else an error that names them
func sharing(ctx context.Context, s *session, from secret.StoreName, name string) (store.Sharing, error) {
	var at secret.Place
	if strings.HasPrefix(name, "arn:") {
		if at.Account, at.Region = awscfg.ARNAccount(name); at.Account == "" || at.Region == "" || !strings.Contains(name, ":secretsmanager:") {
			return nil, fmt.Errorf("share %q: want the name of a secret, or its ARN", name)
		}
	}
	if from != "" {
		st, ok := s.stores[from]
		if !ok {
			return nil, fmt.Errorf("--store %q: the configuration has no such store", from)
		}
		sharer, ok := st.(store.Sharer)
		if !ok {
			return nil, fmt.Errorf("--store %q: its secrets can't be shared: only those of Secrets Manager can", from)
		}
		return sharer.Sharing(ctx, at)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.stores)), func(n secret.StoreName) bool { return !mayHold(ctx, s.stores[n], at) })
	if len(names) > 1 {
		if sources := slices.DeleteFunc(slices.Clone(names), func(n secret.StoreName) bool { return !readFrom(s, n) }); len(sources) == 1 {
			names = sources
		}
	}
	switch len(names) {
	case 0:
		return nil, fmt.Errorf("share %q: no store of the configuration can hold it: only secrets of Secrets Manager can be shared", name)
	case 1:
		return s.stores[names[0]].(store.Sharer).Sharing(ctx, at)
	}
	return nil, fmt.Errorf("share %q: several stores could hold it: say which with --store: %s", name, listed(names))
}

// mayHold reports whether a store's secrets can be shared, and one at that place could be among them. No place: that of a store that has only one.
func mayHold(ctx context.Context, st store.Store, at secret.Place) bool {
	if _, ok := st.(store.Sharer); !ok {
		return false
	}
	if _, one := st.Fixed(); !one {
		return at.Account != ""
	}
	if at.Account == "" {
		return true
	}
	home, err := st.Home(ctx)
	return err == nil && home.Account == at.Account && home.Region == at.Region
}

// readFrom reports whether a sync of the configuration reads from a store.
func readFrom(s *session, name secret.StoreName) bool {
	for i := range s.file.Rules {
		if s.file.Rules[i].From == name {
			return true
		}
	}
	return false
}
