// Package mysql logs in to MySQL, MariaDB and Aurora MySQL.
package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// Login logs in to MySQL and MariaDB. The zero Login is ready; its methods may be called concurrently.
type Login struct {
	// MariaDB says that the server is one: names may have 80 characters instead of 32. What else differs is found out from the server.
	MariaDB bool
}

// How long names may be, in characters.
const (
	maxName        = 32
	maxNameMariaDB = 80
)

var _ rotate.Login = Login{}

// Clone returns the user that takes turns with user.
func (l Login) Clone(user string) (string, error) {
	limit := maxName
	if l.MariaDB {
		limit = maxNameMariaDB
	}
	return login.Clone(user, limit, utf8.RuneCountInString)
}

// Connect logs in as the user of a credential, as rotate.Login says.
func (Login) Connect(ctx context.Context, c rotate.Credential, t rotate.TLS) (rotate.Session, error) {
	config, err := config(c, t)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	what := fmt.Sprintf("mysql: log in as %q at %s", config.User, config.Addr)
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: the driver does not take the credential", what, rotate.ErrForm) // its error may quote it
	}
	ctx, cancel := login.Within(ctx, login.ConnectTimeout)
	defer cancel()
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close() // nothing is open
		return nil, connectError(ctx, what, err)
	}
	s := &session{db: db, conn: conn, tls: config.TLS != nil}
	if err := s.open(ctx); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

// config returns how to reach what a credential names. The driver reads no environment.
func config(c rotate.Credential, t rotate.TLS) (*mysql.Config, error) {
	host, address, err := login.Address(c, 3306)
	if err != nil {
		return nil, err
	}
	for member, text := range map[string]string{"username": c.User(), "password": c.Password()} {
		if text == "" || strings.ContainsRune(text, 0) {
			return nil, fmt.Errorf("%w: %q is empty, or has a character that can't be there", rotate.ErrForm, member)
		}
	}
	config := mysql.NewConfig()
	if config.TLS, err = login.TLS(t, host); err != nil {
		return nil, err
	}
	config.Net, config.Addr, config.DBName = "tcp", address, c.Database()
	config.User, config.Passwd = c.User(), c.Password()
	config.Timeout, config.ReadTimeout, config.WriteTimeout = login.ConnectTimeout, login.CallTimeout, login.CallTimeout
	config.Logger = &mysql.NopLogger{}
	config.AllowCleartextPasswords, config.AllowFallbackToPlaintext, config.AllowOldPasswords = false, false, false
	return config, nil
}
