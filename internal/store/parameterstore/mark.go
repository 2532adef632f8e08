package parameterstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// maxDescription is how many characters a Description has at most.
const maxDescription = 1024

// markWord is what a Description that is a mark begins with.
const markWord = "secretsync"

// mark is what the Description of a copy says, in one line:
//
//	secretsync owner=… sync=… source=… version=TOKEN written=NUMBER [deleting=TIME until=TIME]
//
// written is the parameter's version number that the write of this very mark makes. AWS keeps a Description on an overwrite that gives none, so a mark stays on
// what somebody else writes: the number tells.
type mark struct {
	secret.Mark
	version secret.Version // which value it is
	written int64
	until   time.Time // when the recovery window ends; zero where no deletion waits
}

// String returns the mark as a Description.
func (m mark) String() string {
	fields := []string{
		markWord, "owner=" + escape(string(m.Owner)), "sync=" + escape(string(m.Sync)), "source=" + escape(m.Source.Tag()), "version=" + escape(string(m.version)),
		"written=" + strconv.FormatInt(m.written, 10),
	}
	if !m.Deleting.IsZero() {
		fields = append(fields, "deleting="+m.Deleting.UTC().Format(time.RFC3339), "until="+m.until.UTC().Format(time.RFC3339))
	}
	return strings.Join(fields, " ")
}

// parseMark reads a Description; ok is false for one that is not, to the byte, what String makes.
func parseMark(text string) (m mark, ok bool) {
	words := strings.Split(text, " ")
	if words[0] != markWord {
		return mark{}, false
	}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		value = unescape(value)
		switch key {
		case "owner":
			m.Owner = secret.Owner(value)
		case "sync":
			m.Sync = secret.SyncName(value)
		case "source":
			m.Source = secret.Identity(value)
		case "version":
			m.version = secret.Version(value)
		case "written":
			m.written, _ = strconv.ParseInt(value, 10, 64) // what is no number does not survive the comparison below
		case "deleting":
			m.Deleting, _ = time.Parse(time.RFC3339, value)
		case "until":
			m.until, _ = time.Parse(time.RFC3339, value)
		}
	}
	if m.Owner == "" || m.Source == "" || m.version == "" || m.written <= 0 || m.Deleting.IsZero() != m.until.IsZero() || m.String() != text {
		return mark{}, false
	}
	return m, true
}

// escape percent-encodes every byte but letters, digits and _ . : / = + @ -, which AWS takes anywhere.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.:/=+@-", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// unescape undoes escape. What escape never makes stays as it is.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
