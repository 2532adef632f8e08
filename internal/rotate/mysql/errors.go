package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// The server's error numbers that decide something.
var (
	denied = []uint16{
		1045, // access denied for the user
		1698, // the same, for accounts of the socket
		3118, // the account is locked (MySQL)
		4151, // the same (MariaDB)
		1862, // the password has expired, and this client can't say so
		3955, // locked for too many wrong passwords (MySQL)
		4150, // the same (MariaDB)
	}
	away = []uint16{
		1040,                         // too many connections
		1203,                         // the user has too many
		1226,                         // the user has used up a resource
		1053,                         // shutting down
		1129,                         // the host is blocked for too many errors
		1152, 1158, 1159, 1160, 1161, // the connection broke off
		1205, 1213, // a lock that was not given
		1836, // read-only
		3159, // insecure transport: the server takes TLS only
	}
	noRight = []uint16{
		1044, 1045, 1142, 1143, 1227, 1370, 1410, 1698, // of a kind, or on what it is about
		1131, 1132, // anonymous users, and users without the schema mysql, change no passwords
	}
	syntax = []uint16{1064, 1149} // with the statement in their texts
)

const (
	noDatabase = 1049
	noPassword = 1699 // SET PASSWORD for an account whose first plugin takes none (MariaDB)
	userFailed = 1396 // CREATE USER or ALTER USER failed
	byOption   = 1290 // an option of the server, which the text names, forbids the statement
)

// What this package itself decides by.
var (
	errNoRight = errors.New("not permitted")
	errHash    = errors.New("the server wants to see passwords (strict_password_validation)")
)

// isAway tells whether the server answered that it can't serve this at the moment. One that is read-only is a replica, or is failing over.
func isAway(my *mysql.MySQLError) bool {
	return slices.Contains(away, my.Number) || my.Number == byOption && (strings.Contains(my.Message, "read-only") || strings.Contains(my.Message, "read_only"))
}

// connectError returns what a failed login means, with the texts of errors only.
func connectError(ctx context.Context, what string, err error) error {
	var my *mysql.MySQLError
	switch {
	case errors.Is(err, mysql.ErrMalformPkt):
		return fmt.Errorf("%s: %w: the login goes on in a way that is not known here: the server is none of MySQL's, or the account has several plugins (IDENTIFIED VIA … OR …)", what, rotate.ErrForm)
	case !errors.As(err, &my):
		return login.Away(ctx, what, err)
	case slices.Contains(denied, my.Number):
		return fmt.Errorf("%s: %w: %s", what, rotate.ErrDenied, text(my))
	case isAway(my):
		return login.Away(ctx, what, errors.New(text(my)))
	case my.Number == noDatabase:
		return fmt.Errorf("%s: %w: %s", what, rotate.ErrForm, text(my))
	}
	return fmt.Errorf("%s: %s", what, text(my))
}

// callError returns what a failed statement means. It does not quote the statement.
func callError(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	what = "mysql: " + what
	var my *mysql.MySQLError
	switch {
	case !errors.As(err, &my):
		return login.Away(ctx, what, err)
	case isAway(my):
		return login.Away(ctx, what, errors.New(text(my)))
	case my.Number == byOption && strings.Contains(my.Message, "strict-password-validation"):
		return fmt.Errorf("%s: %w: %s", what, errHash, text(my))
	case my.Number == noPassword:
		return fmt.Errorf("%s: %w: %s", what, rotate.ErrForm, text(my))
	case slices.Contains(noRight, my.Number):
		return fmt.Errorf("%s: %w: %s", what, errNoRight, text(my))
	}
	return fmt.Errorf("%s: %s", what, text(my))
}

// text returns what the server says, unless it quotes the statement.
func text(my *mysql.MySQLError) string {
	if slices.Contains(syntax, my.Number) {
		return fmt.Sprintf("the server does not understand the statement (error %d)", my.Number)
	}
	return fmt.Sprintf("%s (error %d)", my.Message, my.Number)
}
