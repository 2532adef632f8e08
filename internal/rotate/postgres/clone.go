package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// SetClone gives the other one of two users that take turns a password, in one transaction. NAME has the rights; NAME_clone is made where it is missing, and is a member of NAME that
// becomes NAME when it logs in (ALTER ROLE … SET role): so what it makes belongs to NAME, what row security says of NAME holds for it, and rights that NAME gets later are its own at once.
// Of NAME it has the limit of connections, the date until which it may log in, and the settings, as far as they can be given; the rest comes by being a member.
// Nothing is taken away from NAME, nor any membership from anybody. ErrForm, with nothing changed, where NAME does not exist, where the two are no pair by their names, and where both exist and
// NAME_clone is no member of NAME: it is somebody else then, and so NAME gets no password for its sake, nor it for NAME's.
//
// Redshift has no such membership: there NAME_clone must have been made before, with the rights that it needs, and its password alone is changed.
func (s *session) SetClone(ctx context.Context, user, clone, password string) error {
	base, err := login.Pair(user, clone)
	if err != nil {
		return fmt.Errorf("postgres: give %q a password: %w", clone, err)
	}
	verifier, err := s.verifier(clone, password)
	if err != nil {
		return err
	}
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	what := fmt.Sprintf("give %q a password", clone)
	if s.redshift || clone == base {
		if err := s.pair(ctx, what, base, user, clone); err != nil {
			return err
		}
		return again(ctx, func() error { return s.run(ctx, what, "ALTER USER "+quote(clone)+" PASSWORD '"+verifier+"'") })
	}
	return again(ctx, func() error {
		return s.atomically(ctx, what, func() error { return s.clone(ctx, base, clone, verifier) })
	})
}

// pair makes sure that both of two users exist, and that the one is a member of the other where there are such members.
func (s *session) pair(ctx context.Context, what, base, user, clone string) error {
	for _, name := range []string{clone, user} {
		found, err := s.query(ctx, what, "SELECT 1 FROM pg_catalog.pg_user WHERE usename = $1", name)
		switch {
		case err != nil:
			return err
		case len(found) == 0 && s.redshift:
			return fmt.Errorf("postgres: %s: %w: there is no user %q, and Redshift has no users that are members of users; create it once, in the groups of %q", what, rotate.ErrForm, name, base)
		case len(found) == 0:
			return fmt.Errorf("postgres: %s: %w: there is no user %q", what, rotate.ErrForm, name)
		}
	}
	if s.redshift {
		return nil
	}
	member, err := s.member(ctx, what, base, user)
	if err == nil && !member {
		err = noMember(what, base, user)
	}
	return err
}

// clone brings NAME_clone into being, or into line. It runs in a transaction.
func (s *session) clone(ctx context.Context, base, clone, verifier string) error {
	what := fmt.Sprintf("make %q a user like %q", clone, base)
	of, err := s.query(ctx, what, "SELECT rolconnlimit::pg_catalog.text, coalesce(rolvaliduntil::pg_catalog.text, 'infinity') FROM pg_catalog.pg_roles WHERE rolname = $1", base)
	if err != nil {
		return err
	}
	if len(of) == 0 {
		return fmt.Errorf("postgres: %s: %w: there is no user %q", what, rotate.ErrForm, base)
	}
	found, err := s.query(ctx, what, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", clone)
	if err != nil {
		return err
	}
	member, err := s.member(ctx, what, base, clone)
	if err != nil {
		return err
	}
	verb := "ALTER ROLE "
	switch {
	case len(found) == 0:
		verb = "CREATE ROLE "
	case !member:
		return noMember(what, base, clone)
	}
	options := fmt.Sprintf(" LOGIN CONNECTION LIMIT %s VALID UNTIL '%s' PASSWORD '%s'", of.text(0, 0), of.text(0, 1), verifier)
	if err := s.run(ctx, what, verb+quote(clone)+options); err != nil {
		return err
	}
	if !member {
		if err := s.run(ctx, fmt.Sprintf("make %q a member of %q", clone, base), "GRANT "+quote(base)+" TO "+quote(clone)); err != nil {
			return err
		}
	}
	return s.settings(ctx, base, clone)
}

// member tells whether NAME_clone is a member of NAME itself: superusers count as members of everybody otherwise.
func (s *session) member(ctx context.Context, what, base, clone string) (bool, error) {
	found, err := s.query(ctx, what, "SELECT 1 FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON b.oid = m.roleid JOIN pg_catalog.pg_roles c ON c.oid = m.member "+
		"WHERE b.rolname = $1 AND c.rolname = $2", base, clone)
	return len(found) > 0, err
}

func noMember(what, base, clone string) error {
	return fmt.Errorf("postgres: %s: %w: the user %q is no member of %q; where it is the one that takes turns, do GRANT %s TO %s, once", what, rotate.ErrForm, clone, base, quote(base), quote(clone))
}

// settings gives NAME_clone the settings of NAME (ALTER ROLE … SET), for all databases and for single ones, and has it become NAME. What can't be given, such as what only superusers
// set, and what the server no longer takes, is left out, and noted. A setting that is in line is not touched.
func (s *session) settings(ctx context.Context, base, clone string) error {
	what := fmt.Sprintf("give %q the settings of %q", clone, base)
	const of = "SELECT coalesce(d.datname, ''), pg_catalog.unnest(st.setconfig) FROM pg_catalog.pg_db_role_setting st JOIN pg_catalog.pg_roles r ON r.oid = st.setrole " +
		"LEFT JOIN pg_catalog.pg_database d ON d.oid = st.setdatabase WHERE r.rolname = $1"
	want, err := s.query(ctx, what, of, base)
	if err != nil {
		return err
	}
	have, err := s.query(ctx, what, of, clone)
	if err != nil {
		return err
	}
	type setting struct{ database, name, value string }
	read := func(r rows, i int) setting {
		name, value, _ := strings.Cut(r.text(i, 1), "=")
		return setting{r.text(i, 0), name, value}
	}
	is := map[setting]bool{}
	for i := range have {
		is[read(have, i)] = true
	}
	role := setting{"", "role", base}
	for i := range want {
		w := read(want, i)
		switch {
		case w.name == "role" && w.database == "":
			role = w
		case w.name == "role" || w.name == "session_authorization" || is[w]:
		default:
			if err := s.setting(ctx, what, clone, w.database, w.name, w.value); err != nil {
				return err
			}
		}
	}
	if is[role] {
		return nil
	}
	return s.run(ctx, fmt.Sprintf("have %q become %q", clone, role.value), "ALTER ROLE "+quote(clone)+" SET role TO "+quote(role.value))
}

// setting gives a user one setting, by way of the transaction's own: so lists stay lists, and nothing has to be quoted.
func (s *session) setting(ctx context.Context, what, user, database, name, value string) error {
	before, err := s.query(ctx, what, "SELECT coalesce(pg_catalog.current_setting($1, true), '')", name)
	if err != nil {
		return err
	}
	in := ""
	if database != "" {
		in = " IN DATABASE " + quote(database)
	}
	const use = "SELECT pg_catalog.set_config($1, $2, true)"
	if err := s.run(ctx, what, "SAVEPOINT setting"); err != nil {
		return err
	}
	if _, err = s.query(ctx, what, use, name, value); err == nil {
		err = s.run(ctx, what, "ALTER ROLE "+quote(user)+in+" SET "+quotePath(name)+" FROM CURRENT")
	}
	switch {
	case errors.Is(err, rotate.ErrAway) || errors.Is(err, errConcurrent):
		return err
	case err != nil:
		why := "the server does not take it"
		if errors.Is(err, errNoRight) {
			why = "who did it may not"
		}
		note := fmt.Sprintf("postgres: the user %q lacks the setting %q%s of the user whose rights it has: %s; give it yourself, or take it away there", user, name, in, why)
		if !slices.Contains(s.notes, note) {
			s.notes = append(s.notes, note)
		}
		return s.run(ctx, what, "ROLLBACK TO SAVEPOINT setting")
	}
	_, err = s.query(ctx, what, use, name, before.text(0, 0)) // what comes next shall not be subject to it
	return err
}

// quotePath returns the name of a setting, such as app.tenant, as it stands in a statement.
func quotePath(name string) string { return strings.Join(strings.Split(quote(name), "."), `"."`) }
