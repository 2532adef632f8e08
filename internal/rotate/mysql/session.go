package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// SetPassword gives a user a password: the account that is logged in, where it is of that name, else all accounts of that name that have a password. It is sent as a
// verifier for the account's own plugin. Where that is not known here, where MySQL lets a user who may not create users change only the password itself, and where MariaDB validates
// passwords (strict_password_validation), it is sent as it is, over TLS alone; MySQL leaves it out of its logs, and MariaDB writes it into its general one. Beside it no older password stays
// valid: MySQL's RETAIN CURRENT PASSWORD is not used, for a call that is repeated would drop the one that is in use. Other users' accounts take CREATE USER and SELECT on the schema mysql.
// ErrForm, with nothing changed, where there is no such account, or one has several passwords.
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

// setPasswords gives all accounts that have a password another one. ErrForm, with nothing changed, where there are none, or one has several.
func (s *session) setPasswords(ctx context.Context, user string, accounts []account, password string) error {
	all, err := s.holders(ctx, user, accounts)
	if err != nil {
		return err
	}
	for _, one := range all {
		if err := s.setPassword(ctx, one.account, one.plugin, password); err != nil {
			return err
		}
	}
	return nil
}

// holder is an account that logs in with a password.
type holder struct {
	account
	definition
	plugin string // whose password it is
}

// holders returns those of the accounts of a user that log in with a password. ErrForm where there are none, or one has several: a login with the first plugin's would work, and one with a password
// that the second one keeps.
func (s *session) holders(ctx context.Context, user string, accounts []account) (all []holder, err error) {
	for _, a := range accounts {
		d, err := s.define(ctx, a)
		if err != nil {
			return nil, err
		}
		switch plugins := d.passwords(); len(plugins) {
		case 0:
		case 1:
			all = append(all, holder{a, d, plugins[0]})
		default:
			return nil, fmt.Errorf("mysql: look up the user %q: %w: it has a password for each of the plugins %s: leave it one of them", a.user+"@"+a.host, rotate.ErrForm, strings.Join(plugins, ", "))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("mysql: look up the user %q: %w: there is no such user that logs in with a password", user, rotate.ErrForm)
	}
	return all, nil
}

// passwords returns the plugins of an account that take a password.
func (d definition) passwords() []string {
	others := []string{"unix_socket", "auth_socket", "named_pipe", "gssapi", "pam", "authentication_pam", "authentication_kerberos", "authentication_windows", "authentication_ldap_simple",
		"authentication_ldap_sasl", "authentication_webauthn", "authentication_fido", "mysql_no_login", "AWSAuthenticationPlugin", ""}
	return slices.DeleteFunc(slices.Clone(d.plugins), func(p string) bool { return slices.Contains(others, p) })
}

// setPassword gives an account another password, for the plugin that it has.
func (s *session) setPassword(ctx context.Context, a account, plugin, password string) error {
	i := identify{what: fmt.Sprintf("alter user %q", a.user+"@"+a.host), plugin: plugin, password: password}
	if s.mariadb {
		set := "SET PASSWORD FOR " + a.String() + " = "
		i.hashed = func(text string) string { return set + text }
		i.open = func(text string) string { return set + "PASSWORD(" + text + ")" }
	} else {
		alter := "ALTER USER " + a.String() + " IDENTIFIED "
		i.hashed = func(text string) string { return alter + "WITH " + literal(plugin) + " AS " + text }
		i.open = func(text string) string { return alter + "BY " + text }
		i.self = a == s.self
	}
	return s.identify(ctx, i)
}

// identify is a statement that says how an account logs in.
type identify struct {
	what, plugin, password string
	hashed, open           func(text string) string // the statement with the verifier, and with the password itself
	self                   bool                     // the user changes itself: it may do the latter where it may not do the former
}

// identify does the statement with the verifier. Where the plugin's is not known here, or the server wants to see passwords, it does the one with the password, over TLS; ErrForm where there is none.
func (s *session) identify(ctx context.Context, i identify) error {
	text, known, err := verifier(i.plugin, i.password)
	if err != nil {
		return fmt.Errorf("mysql: %s: %w", i.what, err)
	}
	why := fmt.Sprintf("for the plugin %q", i.plugin)
	if known {
		err = s.run(ctx, i.what, i.hashed(literal(text)))
		switch {
		case errors.Is(err, errHash):
			why = "where strict_password_validation is on"
		case !i.self || !errors.Is(err, errNoRight):
			return err
		}
	}
	if !s.tls {
		return fmt.Errorf("mysql: %s: %w: %s a password is sent as it is, and over TLS only", i.what, rotate.ErrForm, why)
	}
	return s.run(ctx, i.what, i.open(literal(i.password)))
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
	var my *mysql.MySQLError
	if errors.As(err, &my) && my.Number == userFailed {
		return s.cause(ctx, what, my)
	}
	return callError(ctx, what, err)
}

// cause returns what an error means that only says that a statement failed: the server keeps the reason beside it.
func (s *session) cause(ctx context.Context, what string, my *mysql.MySQLError) error {
	found, err := s.query(ctx, what, 3, "SHOW WARNINGS")
	if err != nil {
		return err
	}
	for _, f := range found {
		if number, err := strconv.ParseUint(f[1], 10, 16); err == nil && f[0] == "Error" && number != userFailed {
			return callError(ctx, what, &mysql.MySQLError{Number: uint16(number), Message: f[2]})
		}
	}
	return callError(ctx, what, my)
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
