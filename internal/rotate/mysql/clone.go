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
// it is made where it is missing, and has from then on, at every rotation, what NAME has: the plugin, what it requires (TLS), limits, whether it is locked, roles, default roles and all that SHOW GRANTS
// tells, what MySQL's partial revokes keep back included. Nothing is taken away from either of them otherwise. It is not one transaction, for the server has none for users; to
// repeat it is safe. ErrForm where NAME does not exist. It takes CREATE USER, SELECT on the schema mysql, and the rights of NAME with GRANT OPTION.
func (s *session) SetClone(ctx context.Context, user, clone, password string) error {
	base := login.Base(user)
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	bases, err := s.accounts(ctx, base)
	if err != nil {
		return err
	}
	if clone == base {
		return s.setPasswords(ctx, base, bases, password)
	}
	clones, err := s.accounts(ctx, clone)
	if err != nil {
		return err
	}
	made := 0
	for _, of := range bases {
		d, err := s.define(ctx, of)
		if err != nil {
			return err
		}
		if _, ok := d.password(); !ok {
			continue
		}
		to := account{clone, of.host}
		if slices.Contains(clones, to) {
			err = s.bringIntoLine(ctx, to, d, password)
		} else {
			err = s.create(ctx, to, d, password)
		}
		if err == nil {
			err = s.grant(ctx, of, to, d)
		}
		if err != nil {
			return err
		}
		made++
	}
	if made == 0 {
		return fmt.Errorf("mysql: make %q a user like %q: %w: there is no such user that logs in with a password", clone, base, rotate.ErrForm)
	}
	return nil
}

func (s *session) create(ctx context.Context, to account, d definition, password string) error {
	what := fmt.Sprintf("create user %q", to.user+"@"+to.host)
	plugin, _ := d.password()
	text, known, err := verifier(plugin, password)
	if err != nil {
		return fmt.Errorf("mysql: %s: %w", what, err)
	}
	identified := map[bool]string{false: " IDENTIFIED WITH " + literal(plugin) + " AS ", true: " IDENTIFIED VIA " + literal(plugin) + " USING "}[s.mariadb]
	statement := "CREATE USER IF NOT EXISTS " + to.String() + identified
	switch {
	case known:
		return s.run(ctx, what, strings.TrimSpace(statement+literal(text)+" "+d.options))
	case s.mariadb:
		statement += "PASSWORD(" + literal(password) + ")"
	default:
		statement = strings.TrimSuffix(statement, "AS ") + "BY " + literal(password)
	}
	return s.runOpen(ctx, what, plugin, strings.TrimSpace(statement+" "+d.options))
}

// bringIntoLine gives a user that exists the password, and what its base requires and is limited to.
func (s *session) bringIntoLine(ctx context.Context, to account, d definition, password string) error {
	own, err := s.define(ctx, to)
	if err != nil {
		return err
	}
	plugin, ok := own.password()
	if !ok {
		return fmt.Errorf("mysql: alter user %q: %w: it does not log in with a password", to.user+"@"+to.host, rotate.ErrForm)
	}
	if err := s.setPassword(ctx, to, plugin, password); err != nil || d.options == own.options {
		return err
	}
	options := d.options
	if !strings.Contains(options, "REQUIRE") {
		options = "REQUIRE NONE " + options
	}
	return s.run(ctx, fmt.Sprintf("alter user %q", to.user+"@"+to.host), "ALTER USER "+to.String()+" "+strings.TrimSpace(options))
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
