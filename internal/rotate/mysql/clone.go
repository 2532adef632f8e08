package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// SetClone gives the other one of two users that take turns a password. NAME has the rights; for every account of it that logs in with a password NAME_clone gets one for the same host:
// it is made where it is missing, and has from then on, at every rotation, what NAME has: the plugin, what it requires (TLS), limits, whether it is locked, how passwords expire, roles, default roles and
// all that SHOW GRANTS tells, what MySQL's partial revokes keep back included. Nothing is taken away from either of them otherwise. It is not one transaction, for the server has none for users; to
// repeat it is safe. It takes CREATE USER, SELECT on the schema mysql, and the rights of NAME with GRANT OPTION. ErrForm, with nothing changed, where NAME does not exist, where the two are no pair
// by their names, and where NAME is to get a password and there is no NAME_clone.
func (s *session) SetClone(ctx context.Context, user, clone, password string) error {
	base, err := login.Pair(user, clone)
	if err != nil {
		return fmt.Errorf("mysql: give %q a password: %w", clone, err)
	}
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	found, err := s.accounts(ctx, base)
	if err != nil {
		return err
	}
	if clone == base {
		if err := s.exists(ctx, user); err != nil {
			return err
		}
		return s.setPasswords(ctx, base, found, password)
	}
	bases, err := s.holders(ctx, base, found)
	if err != nil {
		return err
	}
	clones, err := s.accounts(ctx, clone)
	if err != nil {
		return err
	}
	for _, of := range bases {
		to := account{clone, of.host}
		if slices.Contains(clones, to) {
			err = s.bringIntoLine(ctx, to, of, password)
		} else {
			err = s.create(ctx, to, of, password)
		}
		if err == nil {
			err = s.grant(ctx, of.account, to, of.definition)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exists makes sure that a user exists that logs in with a password.
func (s *session) exists(ctx context.Context, user string) error {
	found, err := s.accounts(ctx, user)
	if err == nil {
		_, err = s.holders(ctx, user, found)
	}
	return err
}

func (s *session) create(ctx context.Context, to account, of holder, password string) error {
	return s.identify(ctx, s.defined(fmt.Sprintf("create user %q", to.user+"@"+to.host), "CREATE USER IF NOT EXISTS "+to.String(), of.plugin, of.options, password))
}

// bringIntoLine gives an account that exists the password, the plugin, and what its base requires and is limited to.
func (s *session) bringIntoLine(ctx context.Context, to account, of holder, password string) error {
	own, err := s.define(ctx, to)
	if err != nil {
		return err
	}
	if len(own.passwords()) == 0 {
		return fmt.Errorf("mysql: alter user %q: %w: it does not log in with a password", to.user+"@"+to.host, rotate.ErrForm)
	}
	return s.identify(ctx, s.defined(fmt.Sprintf("alter user %q", to.user+"@"+to.host), "ALTER USER "+to.String(), of.plugin, inLine(of.options, own.options), password))
}

// defined returns the statement that makes an account what it shall be, all at once.
func (s *session) defined(what, verb, plugin, options, password string) identify {
	i := identify{what: what, plugin: plugin, password: password}
	with := map[bool]string{false: " IDENTIFIED WITH ", true: " IDENTIFIED VIA "}[s.mariadb]
	statement := func(how, text string) string {
		return strings.TrimSpace(verb + with + literal(plugin) + how + text + " " + options)
	}
	if s.mariadb {
		i.hashed = func(text string) string { return statement(" USING ", text) }
		i.open = func(text string) string { return statement(" USING PASSWORD", "("+text+")") }
	} else {
		i.hashed = func(text string) string { return statement(" AS ", text) }
		i.open = func(text string) string { return statement(" BY ", text) }
	}
	return i
}

// grant gives an account the rights of another one.
func (s *session) grant(ctx context.Context, of, to account, d definition) error {
	what := fmt.Sprintf("give %q the rights of %q", to.user+"@"+to.host, of.user+"@"+of.host)
	lines, err := s.query(ctx, what, 1, "SHOW GRANTS FOR "+of.String())
	if err != nil {
		return err
	}
	for _, line := range lines {
		statement, err := regrant(line[0], of, to)
		if err != nil {
			return fmt.Errorf("mysql: %s: %w", what, err)
		}
		if statement == "" {
			continue
		}
		if err := s.run(ctx, what, statement); err != nil {
			return err
		}
	}
	if d.roles == "" {
		return nil
	}
	return s.run(ctx, what, "SET DEFAULT ROLE "+d.roles+" TO "+to.String())
}
