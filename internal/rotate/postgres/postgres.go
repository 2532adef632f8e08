// Package postgres logs in to PostgreSQL, and to what speaks like it: Aurora, Redshift.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// Login logs in to PostgreSQL. The zero Login is ready; its methods may be called concurrently. Nothing of the environment that PostgreSQL's own programs look at (PGPASSWORD, PGSERVICE,
// PGSSLMODE, .pgpass, …) has a say.
type Login struct {
	// Redshift says that the server is one: other defaults for port and database, and names of 127 bytes. What takes passwords differently there is found out from the server.
	Redshift bool
}

// maxName is how long names may be, in bytes. The server cuts longer ones off, and changes the user that is left.
const (
	maxName         = 63
	maxNameRedshift = 127
)

var _ rotate.Login = Login{}

// Clone returns the user that takes turns with user.
func (l Login) Clone(user string) (string, error) {
	return login.Clone(user, l.limit(), func(s string) int { return len(s) })
}

func (l Login) limit() int {
	if l.Redshift {
		return maxNameRedshift
	}
	return maxName
}

// Connect logs in as the user of a credential, as rotate.Login says.
func (l Login) Connect(ctx context.Context, c rotate.Credential, t rotate.TLS) (rotate.Session, error) {
	config, err := l.config(c, t)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	what := fmt.Sprintf("postgres: log in as %q at %s:%d", config.User, config.Host, config.Port)
	ctx, cancel := login.Within(ctx, login.ConnectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, config)
	if prepared := prepare(config.Password); isDenied(err) && prepared != config.Password {
		config.Password = prepared // the driver prepares passwords by a younger rule than the one that verifiers are made by
		conn, err = pgconn.ConnectConfig(ctx, config)
	}
	if err != nil {
		return nil, connectError(ctx, what, err)
	}
	s := &session{conn: conn, user: config.User, limit: l.limit()}
	if err := s.open(ctx); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

// config returns how to reach what a credential names, with nothing of the environment in it.
func (l Login) config(c rotate.Credential, t rotate.TLS) (*pgconn.Config, error) {
	usualPort, database := 5432, "postgres"
	if l.Redshift || c.Engine() == "redshift" {
		usualPort, database = 5439, "dev"
	}
	host, _, err := login.Address(c, usualPort)
	if err != nil {
		return nil, err
	}
	port, err := c.Port(usualPort)
	if err != nil {
		return nil, err
	}
	if c.Database() != "" {
		database = c.Database()
	}
	for member, text := range map[string]string{"username": c.User(), "password": c.Password(), "dbname": database} {
		if text == "" || strings.ContainsRune(text, 0) {
			return nil, fmt.Errorf("%w: %q is empty, or has a character that can't be there", rotate.ErrForm, member)
		}
	}
	if len(c.User()) > l.limit() {
		return nil, tooLong(c.User(), l.limit())
	}
	config, err := bare()
	if err != nil {
		return nil, err
	}
	if config.TLSConfig, err = login.TLS(t, host); err != nil {
		return nil, err
	}
	if config.TLSConfig == nil || config.TLSConfig.InsecureSkipVerify {
		config.RequireAuth = "!password" // whoever answers there is not shown the password
	}
	config.Host, config.Port, config.Database = host, uint16(port), database
	config.User, config.Password = c.User(), c.Password()
	config.Fallbacks = nil
	config.RuntimeParams = map[string]string{"application_name": "secretsync", "client_encoding": "UTF8"}
	return config, nil
}

// bare returns a configuration that owes nothing to the environment: the driver makes configurations only by reading it, and lets what is set explicitly win. What has no
// form for "not set" is given its usual value.
func bare() (*pgconn.Config, error) {
	settings := "host=localhost port=5432 user=nobody password=none database=none passfile='' connect_timeout=0 sslmode=disable sslkey='' sslcert='' sslcertmode=allow sslsni=1 " +
		"sslrootcert='' sslpassword='' sslnegotiation=postgres target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth=''"
	if os.Getenv("PGSERVICE") != "" { // a service can only be replaced by another one
		file, err := os.CreateTemp("", "secretsync-*")
		if err != nil {
			return nil, fmt.Errorf("PGSERVICE is set, and can't be passed over: %w", err)
		}
		_, err = file.WriteString("[none]\n")
		defer os.Remove(file.Name()) //nolint:errcheck // a temporary file with nothing in it
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("PGSERVICE is set, and can't be passed over: %w", err)
		}
		settings += " service=none servicefile='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(file.Name()) + "'"
	}
	config, err := pgconn.ParseConfig(settings)
	if err != nil {
		return nil, errors.New("the driver refuses its settings") // its error would quote them
	}
	return config, nil
}

func tooLong(name string, limit int) error {
	return fmt.Errorf("%w: a user's name of %d bytes; %d are possible", rotate.ErrForm, len(name), limit)
}
