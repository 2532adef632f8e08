package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

type session struct {
	conn       *pgconn.PgConn
	user       string
	limit      int // how many bytes names may have
	redshift   bool
	scram      bool
	iterations int
	notes      []string
}

// open makes the session safe to work in, and finds out what the server takes for a password.
func (s *session) open(ctx context.Context) error {
	const what = "look at the server"
	s.scram, s.iterations = major(s.conn.ParameterStatus("server_version")) >= 10, usualIterations // Redshift is an 8.0
	// Functions and operators of somebody else's are not looked up. What is called below is qualified beside that, for a pooler may give every transaction another server process.
	statements := "SET search_path TO pg_catalog; SET datestyle TO ISO"
	if s.scram { // what a user is given as settings is meant for its own work
		statements = "SET statement_timeout TO 0; SET lock_timeout TO 0; SET default_transaction_read_only TO off; " + statements
	}
	if err := s.run(ctx, what, statements); err != nil {
		return err
	}
	rows, err := s.query(ctx, what, "SELECT pg_catalog.version()")
	if err != nil {
		return err
	}
	s.redshift = strings.Contains(rows.text(0, 0), "Redshift")
	s.scram = s.scram && !s.redshift
	if !s.scram {
		return nil
	}
	if rows, err = s.query(ctx, what, "SELECT pg_catalog.current_setting('scram_iterations', true)"); err != nil {
		return err
	}
	s.iterations = iterations(rows.text(0, 0))
	return nil
}

// iterations returns how often a server wants a password hashed, by its setting, and at most mostIterations: it may say 2^31, which would take this machine some minutes.
func iterations(setting string) int {
	n, err := strconv.Atoi(setting)
	if err != nil || n < 1 {
		return usualIterations
	}
	return min(n, mostIterations)
}

// major returns the first number of a version such as "15.4 (Debian …)"; 0 where there is none.
func major(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	n, err := strconv.Atoi(version[:end])
	if err != nil {
		return 0
	}
	return n
}

// SetPassword gives a user a password, as a verifier: it is not sent, and in no log of the server. The user may change itself; others take a superuser, or CREATEROLE
// (since PostgreSQL 16 with ADMIN OPTION on the user). A user has one password: the last one is refused from then on.
func (s *session) SetPassword(ctx context.Context, user, password string) error {
	verifier, err := s.verifier(user, password)
	if err != nil {
		return err
	}
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	statement := "ALTER USER " + quote(user) + " PASSWORD '" + verifier + "'"
	if user == s.user && s.scram {
		statement = "SET ROLE NONE; " + statement + "; RESET ROLE" // who became another one by logging in, as clones do, changes itself as itself
	}
	return again(ctx, func() error { return s.run(ctx, fmt.Sprintf("alter user %q", user), statement) })
}

// verifier returns what the server shall keep of a password; it has no character that would have to be quoted.
func (s *session) verifier(user, password string) (string, error) {
	switch {
	case len(user) > s.limit:
		return "", tooLong(user, s.limit)
	case user == "" || password == "" || strings.ContainsRune(user+password, 0):
		return "", fmt.Errorf("%w: a user or password that is empty, or has a character that can't be there", rotate.ErrForm)
	case !s.scram:
		return md5Verifier(user, password), nil
	}
	return scram(password, s.iterations)
}

// Forget does nothing: a user has one password.
func (s *session) Forget(context.Context, string, []string) error { return nil }

var _ rotate.Noter = (*session)(nil)

// Notes says what a clone could not be given.
func (s *session) Notes() []string { return s.notes }

// Close ends the session.
func (s *session) Close(ctx context.Context) {
	ctx, cancel := login.Within(context.WithoutCancel(ctx), login.ConnectTimeout)
	defer cancel()
	_ = s.conn.Close(ctx) // the server notices by itself
}

// quote returns a name as it stands in a statement.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// run does one or more statements. The error says what was attempted, and quotes none.
func (s *session) run(ctx context.Context, what, statements string) error {
	return callError(ctx, what, s.conn.Exec(ctx, statements).Close())
}

// rows are the texts that a query answered.
type rows [][][]byte

func (r rows) text(row, column int) string {
	if row >= len(r) || column >= len(r[row]) {
		return ""
	}
	return string(r[row][column])
}

// query does one statement; what comes from outside is in its arguments.
func (s *session) query(ctx context.Context, what, statement string, args ...string) (rows, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	result := s.conn.ExecParams(ctx, statement, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, callError(ctx, what, result.Err)
	}
	return result.Rows, nil
}

// again does what do does, and does it again where somebody else did the same at that moment: the server lets neither wait for the other.
func again(ctx context.Context, do func() error) error {
	for range 10 {
		if err := do(); !errors.Is(err, errConcurrent) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return do()
}

// atomically does what do does in one transaction.
func (s *session) atomically(ctx context.Context, what string, do func() error) error {
	if err := s.run(ctx, what, "BEGIN"); err != nil {
		return err
	}
	if err := do(); err != nil {
		back := s.run(context.WithoutCancel(ctx), what, "ROLLBACK")
		if errors.Is(back, rotate.ErrAway) {
			return err // the server rolls back what is broken off
		}
		return errors.Join(err, back)
	}
	return s.run(ctx, what, "COMMIT")
}
