package parameterstore

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// What Parameter Store holds at most.
const (
	maxName     = 1011 // characters, with those of the ARN before it
	maxLevels   = 15
	maxStandard = 4096 // bytes of a value
	maxAdvanced = 8192
	maxToken    = 64 // characters of a version
)

// Check judges the name (store.ErrBadName), the key (store.ErrKey), and whether the mark fits the description (store.ErrInvalid).
func (d *destination) Check(w store.Write) error {
	if err := d.checkName(w.Name); err != nil {
		return err
	}
	if err := d.client.CheckKey(w.Name, w.Key); err != nil {
		return err
	}
	longest := mark{Mark: w.Mark, version: secret.Version(strings.Repeat("0", maxToken)), written: math.MaxInt32}
	longest.Deleting, longest.until = time.Unix(0, 0), time.Unix(0, 0)
	if n := len(longest.String()); n > maxDescription {
		return d.client.Errorf("check", w.Name, store.ErrInvalid, "its mark has up to %d characters, and a description, which holds it, at most %d: shorten the names of owner and sync", n, maxDescription)
	}
	return nil
}

func (d *destination) checkName(name secret.Name) error {
	bad := func(format string, args ...any) error {
		return d.client.Errorf("check", name, store.ErrBadName, format, args...)
	}
	if name == "" {
		return bad("it is empty")
	}
	for _, r := range string(name) {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-/", r) {
			continue
		}
		return bad("%q is not possible in a name: letters, digits and _ . - / are", r)
	}
	bare, rooted := strings.CutPrefix(string(name), "/")
	levels := strings.Split(bare, "/")
	at := d.client.At
	arn := len("arn:"+awscfg.Partition(at.Region)+":ssm:"+string(at.Region)+":"+string(at.Account)+":parameter/") + len(bare)
	switch {
	case len(levels) > 1 && !rooted:
		return bad(`a name with levels must begin with "/"`)
	case strings.Contains("/"+bare+"/", "//"):
		return bad("it has an empty level")
	case len(levels) > maxLevels:
		return bad("it has %d levels: at most %d are possible", len(levels), maxLevels)
	case hidden(name):
		return bad("%s", hiddenWhy)
	case reserved(string(name)):
		return bad("names that begin with aws or ssm belong to AWS")
	case arn > maxName:
		return bad("its ARN has %d characters: at most %d are possible", arn, maxName)
	case !strings.HasPrefix(string(name), d.prefix):
		return bad("it is not below the store's prefix %s, and would not be listed", d.prefix)
	}
	return nil
}

// reserved reports whether a name, or a path, is one that only AWS may use.
func reserved(name string) bool {
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	return strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm")
}

// isPath reports whether a beginning of names is a path that AWS lists: whole levels of a name that can be. It refuses any other.
func isPath(s string) bool {
	return s != "/" && !reserved(s) && regexp.MustCompile(prefixPattern).MatchString(s) && strings.Count(s, "/") <= maxLevels
}

// checkValue judges a value, before any call.
func (d *destination) checkValue(w store.Write) error {
	refuse := func(kind error, format string, args ...any) error {
		return d.client.Errorf("write", w.Name, kind, format, args...)
	}
	size := w.Value.Size()
	switch {
	case w.Value.IsZero():
		return nil
	case w.Value.IsBinary():
		return refuse(store.ErrBadValue, "its value is binary, and Parameter Store holds text only")
	case size == 0:
		return refuse(store.ErrBadValue, "its value is empty, which is not possible")
	case d.tier == types.ParameterTierStandard && size > maxStandard && size <= maxAdvanced:
		return refuse(store.ErrTooLarge, "its value has %d bytes: at most %d are possible in the standard tier, and %d with `tier: intelligent-tiering` or `advanced`, which AWS charges for", size, maxStandard, maxAdvanced)
	case size > maxAdvanced:
		return refuse(store.ErrTooLarge, "its value has %d bytes: at most %d are possible, in the advanced tier", size, maxAdvanced)
	case !utf8.Valid(w.Value.Reveal()):
		return refuse(store.ErrBadValue, "its value is text that is not valid UTF-8, which is not possible")
	}
	if _, after, ok := bytes.Cut(w.Value.Reveal(), []byte("{{")); ok && bytes.Contains(after, []byte("}}")) {
		return refuse(store.ErrBadValue, "its value contains {{ and }}, which Parameter Store takes for a reference to another parameter")
	}
	return nil
}
