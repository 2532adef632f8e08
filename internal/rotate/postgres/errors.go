package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// The states of SQL that decide something.
const (
	stateNoDatabase = "3D000"
	stateSyntax     = "42601"
	stateNoRight    = "42501"
)

// What this package itself decides by.
var (
	errNoRight    = errors.New("not permitted")
	errConcurrent = errors.New("somebody else changed it at that moment")
)

// isDenied tells whether the server refused the user or the password: 28P01, or 28000 for a role that is not there, or may not log in. What is not let in from here (pg_hba.conf)
// is refused before anybody looks at the password.
func isDenied(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28") && !isKeptOut(pg)
}

func isKeptOut(pg *pgconn.PgError) bool {
	return strings.HasPrefix(pg.Code, "28") && pg.Routine == "ClientAuthentication"
}

// isAway tells whether the server answered that it can't serve this at the moment, or from here: connection exceptions, no resources (too many connections), being shut down, or not yet up, a
// standby that is written to.
func isAway(pg *pgconn.PgError) bool {
	return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || slices.Contains([]string{"57P01", "57P02", "57P03", "57P05", "25006"}, pg.Code) || isKeptOut(pg)
}

// connectError returns what a failed login means. The driver's error itself is not kept: it has the password in it.
func connectError(ctx context.Context, what string, err error) error {
	var pg *pgconn.PgError
	switch {
	case !errors.As(err, &pg):
		return login.Away(ctx, what, err)
	case isDenied(err):
		return fmt.Errorf("%s: %w: %s", what, rotate.ErrDenied, text(pg))
	case isAway(pg):
		return login.Away(ctx, what, errors.New(text(pg)))
	case pg.Code == stateNoDatabase:
		return fmt.Errorf("%s: %w: %s", what, rotate.ErrForm, text(pg))
	}
	return fmt.Errorf("%s: %s", what, text(pg))
}

// callError returns what a failed statement means. It does not quote the statement.
func callError(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	switch {
	case !errors.As(err, &pg):
		return login.Away(ctx, "postgres: "+what, err)
	case isAway(pg):
		return login.Away(ctx, "postgres: "+what, errors.New(text(pg)))
	case pg.Code == stateNoRight:
		return fmt.Errorf("postgres: %s: %w: %s", what, errNoRight, text(pg))
	case slices.Contains([]string{"XX000", "23505", "42710", "40001", "40P01"}, pg.Code): // "tuple concurrently updated" is an internal error; what one creates twice is there; a deadlock
		return fmt.Errorf("postgres: %s: %w: %s", what, errConcurrent, text(pg))
	}
	return fmt.Errorf("postgres: %s: %s", what, text(pg))
}

// text returns what the server says, unless it may quote the statement.
func text(pg *pgconn.PgError) string {
	if pg.Code == stateSyntax {
		return "the server does not understand the statement (SQLSTATE " + pg.Code + ")"
	}
	return pg.Message + " (SQLSTATE " + pg.Code + ")"
}
