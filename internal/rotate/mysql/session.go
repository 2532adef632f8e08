package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

type session struct {
	db      *sql.DB
	conn    *sql.Conn
	tls     bool
	mariadb bool
	self    account
}

// open gives the session the one way of quoting that this package writes and reads, and finds out what the server is.
func (s *session) open(ctx context.Context) error {
	const what = "look at the server"
	if err := s.run(ctx, what, "SET SESSION sql_mode = 0, SESSION sql_quote_show_create = 1"); err != nil {
		return err
	}
	found, err := s.query(ctx, what, 2, "SELECT VERSION(), CURRENT_USER()")
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("mysql: %s: it does not say who it is", what)
	}
	s.mariadb = strings.Contains(found[0][0], "MariaDB")
	at := strings.LastIndex(found[0][1], "@")
	s.self = account{found[0][1][:max(at, 0)], found[0][1][at+1:]}
	if s.mariadb {
		return nil
	}
	// Salts are bytes, which a server may send as they are; one too old for the setting does.
	_, err = s.conn.ExecContext(ctx, "SET SESSION print_identified_with_as_hex = ON")
	var my *mysql.MySQLError
	if err != nil && !errors.As(err, &my) {
		return callError(ctx, what, err)
	}
	return nil
}

// SetPassword gives a user a password: the account that this session is logged in to, where it is of that name, else all accounts of that name that have a password. It is sent as a
// verifier for the account's own plugin. Where that is not known here, and where MySQL lets a user who may not create users change only the password itself, it is sent
// as it is, over TLS alone; servers leave it out of their logs. Beside it no older password stays valid: MySQL's RETAIN CURRENT PASSWORD is not used, for a call that is repeated would
// drop the one that is in use. Other users' accounts take CREATE USER and SELECT on the schema mysql.
func (s *session) SetPassword(ctx context.Context, user, password string) error {
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	accounts := []account{s.self}
	if user != s.self.user {
		var err error
		if accounts, err = s.accounts(ctx, user); err != nil {
			return err
		}
	}
	return s.setPasswords(ctx, user, accounts, password)
}

// setPasswords gives all accounts that have a password another one. ErrForm where there are none.
func (s *session) setPasswords(ctx context.Context, user string, accounts []account, password string) error {
	changed := 0
	for _, a := range accounts {
		d, err := s.define(ctx, a)
		if err != nil {
			return err
		}
		plugin, ok := d.password()
		if !ok {
			continue
		}
		if err := s.setPassword(ctx, a, plugin, password); err != nil {
			return err
		}
		changed++
	}
	if changed == 0 {
		return fmt.Errorf("mysql: alter user %q: %w: there is no such user that logs in with a password", user, rotate.ErrForm)
	}
	return nil
}

// password returns the first plugin that takes a password; false where the account logs in otherwise.
func (d definition) password() (plugin string, ok bool) {
	others := []string{"unix_socket", "auth_socket", "named_pipe", "gssapi", "pam", "authentication_pam", "authentication_kerberos", "authentication_windows", "authentication_ldap_simple",
		"authentication_ldap_sasl", "authentication_webauthn", "authentication_fido", "mysql_no_login", "AWSAuthenticationPlugin", ""}
	i := slices.IndexFunc(d.plugins, func(p string) bool { return !slices.Contains(others, p) })
	if i < 0 {
		return "", false
	}
	return d.plugins[i], true
}

func (s *session) setPassword(ctx context.Context, a account, plugin, password string) error {
	what := fmt.Sprintf("alter user %q", a.user+"@"+a.host)
	text, known, err := verifier(plugin, password)
	if err != nil {
		return fmt.Errorf("mysql: %s: %w", what, err)
	}
	switch {
	case s.mariadb && known:
		return s.run(ctx, what, "SET PASSWORD FOR "+a.String()+" = "+literal(text))
	case s.mariadb:
		return s.runOpen(ctx, what, plugin, "SET PASSWORD FOR "+a.String()+" = PASSWORD("+literal(password)+")")
	case known:
		err := s.run(ctx, what, "ALTER USER "+a.String()+" IDENTIFIED WITH "+literal(plugin)+" AS "+literal(text))
		if a != s.self || !errors.Is(err, errNoRight) {
			return err
		}
	}
	return s.runOpen(ctx, what, plugin, "ALTER USER "+a.String()+" IDENTIFIED BY "+literal(password))
}

// runOpen does a statement with a password in it, over TLS.
func (s *session) runOpen(ctx context.Context, what, plugin, statement string) error {
	if !s.tls {
		return fmt.Errorf("mysql: %s: %w: a password for %q is sent over TLS only", what, rotate.ErrForm, plugin)
	}
	return s.run(ctx, what, statement)
}

// accounts returns the accounts of a name.
func (s *session) accounts(ctx context.Context, user string) ([]account, error) {
	statement := "SELECT User, Host FROM mysql.user WHERE User = ?"
	if s.mariadb {
		statement += " AND is_role = 'N'"
	}
	found, err := s.query(ctx, fmt.Sprintf("look up the user %q", user), 2, statement+" ORDER BY Host", user)
	if err != nil {
		return nil, err
	}
	var all []account
	for _, f := range found {
		if f[0] == user { // a database may take "app " for "app"
			all = append(all, account{f[0], f[1]})
		}
	}
	return all, nil
}

// define returns how an account is defined.
func (s *session) define(ctx context.Context, a account) (definition, error) {
	who := a.String()
	if a == s.self {
		who = "CURRENT_USER()" // everybody may
	}
	what := fmt.Sprintf("look up the user %q", a.user+"@"+a.host)
	found, err := s.query(ctx, what, 1, "SHOW CREATE USER "+who)
	if err != nil {
		return definition{}, err
	}
	if len(found) == 0 {
		return definition{}, fmt.Errorf("mysql: %s: %w: the server does not describe it", what, rotate.ErrForm)
	}
	d, err := parseDefinition(found[0][0])
	if err != nil {
		return definition{}, fmt.Errorf("mysql: %s: %w", what, err)
	}
	return d, nil
}

// Forget does nothing: a user has one password.
func (*session) Forget(context.Context, string, []string) error { return nil }

// Close ends the session.
func (s *session) Close(context.Context) {
	_ = s.conn.Close() // the server notices by itself
	_ = s.db.Close()
}

// run does a statement. The error says what was attempted, and quotes nothing of it.
func (s *session) run(ctx context.Context, what, statement string) error {
	_, err := s.conn.ExecContext(ctx, statement)
	return callError(ctx, what, err)
}

// query does a statement and returns its rows, whose columns are texts.
func (s *session) query(ctx context.Context, what string, columns int, statement string, args ...any) (all [][]string, err error) {
	rows, err := s.conn.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, callError(ctx, what, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		row, into := make([]string, columns), make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, callError(ctx, what, err)
		}
		all = append(all, row)
	}
	return all, callError(ctx, what, rows.Err())
}
