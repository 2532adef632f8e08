package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Why a key is refused.
var (
	ErrUnknown = errors.New("unknown access key or wrong session token")
	ErrExpired = errors.New("session expired")
)

// keepExpired is how long a session is remembered after its end, so that its key is answered with "expired" and keeps its account.
const keepExpired = 24 * time.Hour

// pruneAbove is how many sessions may pile up before those long gone are forgotten.
const pruneAbove = 4096

// A Directory holds accounts and the sessions issued. It is safe for concurrent use.
type Directory struct {
	enforced bool

	mu    sync.RWMutex
	keys  map[string]*Caller // by access key id
	roles map[string]*Role   // by account + "/" + name
	temps int                // temporary keys, issued since the last pruning
}

// NewDirectory returns an empty directory. Unless it is enforced, every key is somebody and every role exists.
func NewDirectory(enforced bool) *Directory {
	return &Directory{enforced: enforced, keys: make(map[string]*Caller), roles: make(map[string]*Role)}
}

// Enforced reports whether identities, policies and trust count.
func (d *Directory) Enforced() bool { return d.enforced }

// AddUser makes accessKey a user's; a key that is the account's own 12 digits is its root.
func (d *Directory) AddUser(account, name, accessKey string, policies []policy.Document) {
	c := &Caller{
		Kind: User, Name: name, Policies: policies,
		Principal: service.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name, UserID: uniqueID("AIDA", account+":user/"+name)},
	}
	if accessKey == account {
		c = RootOf(account)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[accessKey] = c
}

// AddRole makes a role known. Where accessKey is not empty, it is a session of the role that never ends, as a function or a virtual machine has one.
func (d *Directory) AddRole(r Role, accessKey string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roles[r.Account+"/"+r.Name] = &r
	if accessKey != "" {
		d.keys[accessKey] = r.Session(r.Name)
	}
}

// Role finds a role by its ARN. Where nothing is enforced every role exists, and trusts everybody.
func (d *Directory) Role(arn string) (*Role, bool) {
	account, name, ok := SplitRoleARN(arn)
	if !ok {
		return nil, false
	}
	d.mu.RLock()
	r, ok := d.roles[account+"/"+name]
	d.mu.RUnlock()
	switch {
	case !d.enforced && (!ok || r.ARN != arn):
		return &Role{Account: account, Name: name, ARN: arn}, true
	case ok && r.ARN == arn:
		return r, true
	}
	return nil, false
}

// Session returns the caller that a session of the role is.
func (r *Role) Session(session string) *Caller {
	return &Caller{
		Kind: Session, RoleARN: r.ARN, Policies: r.Policies,
		Principal: service.Principal{
			Account: r.Account,
			ARN:     "arn:aws:sts::" + r.Account + ":assumed-role/" + r.Name + "/" + session,
			UserID:  uniqueID("AROA", r.ARN) + ":" + session,
		},
	}
}

// SplitRoleARN takes the account and the name out of the ARN of a role; the name is without its path.
func SplitRoleARN(arn string) (account, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "iam" || parts[3] != "" || !policy.IsAccount(parts[4]) {
		return "", "", false
	}
	path, ok := strings.CutPrefix(parts[5], "role/")
	if !ok {
		return "", "", false
	}
	name = path[strings.LastIndexByte(path, '/')+1:]
	return parts[4], name, name != ""
}

// Caller finds who signed with accessKey. Where nothing is enforced that never fails: an unknown key is the account of its 12 digits, or DefaultAccount.
// Where identities count it answers ErrUnknown and ErrExpired.
func (d *Directory) Caller(accessKey, token string, now time.Time) (*Caller, error) {
	d.mu.RLock()
	c := d.keys[accessKey]
	d.mu.RUnlock()
	if !d.enforced {
		switch {
		case c != nil:
			return c, nil
		case policy.IsAccount(accessKey):
			return RootOf(accessKey), nil
		}
		return RootOf(DefaultAccount), nil
	}
	switch {
	case c == nil, c.Temporary && c.Token != token:
		return nil, ErrUnknown
	case c.Temporary && !now.Before(c.Expires):
		return nil, ErrExpired
	}
	return c, nil
}

// Credentials are a temporary key.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// Issue makes a temporary key for a caller.
func (d *Directory) Issue(c Caller, lifetime time.Duration, now time.Time) Credentials {
	var random [96]byte
	rand.Read(random[:]) // never fails, says its documentation
	cred := Credentials{
		AccessKeyID:     "ASIA" + base32.StdEncoding.EncodeToString(random[:10]),
		SecretAccessKey: base64.StdEncoding.EncodeToString(random[10:40]),
		SessionToken:    "IQoJb3JpZ2lu" + base64.StdEncoding.EncodeToString(random[40:]),
		Expires:         now.Add(lifetime).Truncate(time.Second),
	}
	c.Temporary, c.Token, c.Expires = true, cred.SessionToken, cred.Expires

	d.mu.Lock()
	defer d.mu.Unlock()
	d.temps++
	if d.temps > pruneAbove {
		d.temps = 0
		for k, old := range d.keys {
			if old.Temporary && now.Sub(old.Expires) > keepExpired {
				delete(d.keys, k)
			}
		}
	}
	d.keys[cred.AccessKeyID] = &c
	return cred
}

// uniqueID derives the 21 letters that AWS gives an entity from its name, so that it stays the same from start to start.
func uniqueID(prefix, of string) string {
	sum := sha256.Sum256([]byte(of))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
