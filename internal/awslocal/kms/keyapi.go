package kms

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type keyMetadata struct {
	AWSAccountID          string `json:"AWSAccountId"`
	KeyID                 string `json:"KeyId"`
	Arn                   string
	CreationDate          float64
	Enabled               bool
	Description           string
	KeyUsage              string
	KeyState              string
	DeletionDate          float64 `json:",omitempty"`
	Origin                string
	KeyManager            string
	CustomerMasterKeySpec string
	KeySpec               string
	EncryptionAlgorithms  []string
	MultiRegion           bool
}

func (g *region) metadata(k *key) any {
	m := keyMetadata{
		AWSAccountID: g.account, KeyID: k.id, Arn: k.arn, CreationDate: epoch(k.created), Enabled: k.enabled && k.deletion.IsZero(), Description: k.description,
		KeyUsage: "ENCRYPT_DECRYPT", KeyState: k.state(), Origin: "AWS_KMS", KeyManager: "CUSTOMER",
		CustomerMasterKeySpec: "SYMMETRIC_DEFAULT", KeySpec: "SYMMETRIC_DEFAULT", EncryptionAlgorithms: []string{"SYMMETRIC_DEFAULT"},
		MultiRegion: strings.HasPrefix(k.id, "mrk-"),
	}
	if k.managed {
		m.KeyManager = "AWS"
	}
	if !k.deletion.IsZero() {
		m.DeletionDate = epoch(k.deletion)
	}
	return struct{ KeyMetadata keyMetadata }{m}
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

type createKeyInput struct {
	Description string
	KeySpec     string
	KeyUsage    string
	MultiRegion bool
	Policy      *string

	BypassPolicyLockoutSafetyCheck bool
}

func (s *Service) createKey(r *service.Request, in createKeyInput) (out any, refused *service.Error) {
	if refused := r.Authorize("kms:CreateKey", "*", nil); refused != nil {
		return nil, refused
	}
	if in.KeySpec != "" && in.KeySpec != "SYMMETRIC_DEFAULT" || in.KeyUsage != "" && in.KeyUsage != "ENCRYPT_DECRYPT" {
		return nil, &service.Error{Code: "UnsupportedOperationException", Message: "the embedded KMS has symmetric encryption keys only"}
	}
	var own *keyPolicy
	if in.Policy != nil {
		if own, refused = newKeyPolicy(r, *in.Policy, in.BypassPolicyLockoutSafetyCheck); refused != nil {
			return nil, refused
		}
	}
	id := s.newID()
	if in.MultiRegion {
		id = "mrk-" + strings.ReplaceAll(id, "-", "")
	}
	refused = s.write(place{r.Account, r.Region}, r.Now, func(g *region) *service.Error {
		k := g.add(id, in.Description, r.Now)
		if own != nil {
			g.policies.Store(k.arn, own)
		}
		r.Note(k.id)
		out = g.metadata(k)
		return nil
	})
	return out, refused
}

type keyInput struct {
	KeyID string `json:"KeyId"`
}

// withKey resolves a key, asks whether the caller may do action on it, and calls do with it, locked for writing where change is set.
func (s *Service) withKey(r *service.Request, action, name string, change bool, do func(*region, *key) *service.Error) *service.Error {
	r.Note(name)
	p, local, refused := locate(r, name)
	if refused != nil {
		return refused
	}
	lock := s.read
	if change {
		lock = s.write
	}
	return lock(p, r.Now, func(g *region) *service.Error {
		k, refused := g.find(local, r.Now)
		if refused != nil {
			return refused
		}
		if refused := r.Authorize(action, k.arn, contextConditions(r, "", nil)); refused != nil {
			return refused
		}
		return do(g, k)
	})
}

func (s *Service) describeKey(r *service.Request, in keyInput) (out any, refused *service.Error) {
	refused = s.withKey(r, "kms:DescribeKey", in.KeyID, false, func(g *region, k *key) *service.Error {
		out = g.metadata(k)
		return nil
	})
	return out, refused
}

func (s *Service) enableKey(r *service.Request, in keyInput) (any, *service.Error) {
	return s.setEnabled(r, "kms:EnableKey", in, true)
}

func (s *Service) disableKey(r *service.Request, in keyInput) (any, *service.Error) {
	return s.setEnabled(r, "kms:DisableKey", in, false)
}

func (s *Service) setEnabled(r *service.Request, action string, in keyInput, enabled bool) (any, *service.Error) {
	if refused := byAlias(in.KeyID); refused != nil {
		return nil, refused
	}
	return nil, s.withKey(r, action, in.KeyID, true, func(_ *region, k *key) *service.Error {
		switch {
		case k.managed:
			return managed(k)
		case !k.deletion.IsZero():
			return pendingDeletion(k)
		}
		k.enabled = enabled
		return nil
	})
}

type scheduleInput struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays *int
}

type scheduled struct {
	KeyID               string `json:"KeyId"`
	DeletionDate        float64
	KeyState            string
	PendingWindowInDays int
}

func (s *Service) scheduleKeyDeletion(r *service.Request, in scheduleInput) (out any, refused *service.Error) {
	days := 30
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < 7 || days > 30 {
		return nil, invalid(fmt.Sprintf("PendingWindowInDays must be between 7 and 30, and is %d", days))
	}
	if refused := byAlias(in.KeyID); refused != nil {
		return nil, refused
	}
	refused = s.withKey(r, "kms:ScheduleKeyDeletion", in.KeyID, true, func(_ *region, k *key) *service.Error {
		switch {
		case k.managed:
			return managed(k)
		case !k.deletion.IsZero():
			return pendingDeletion(k)
		}
		k.deletion = r.Now.Add(time.Duration(days) * 24 * time.Hour)
		out = scheduled{KeyID: k.arn, DeletionDate: epoch(k.deletion), KeyState: "PendingDeletion", PendingWindowInDays: days}
		return nil
	})
	return out, refused
}

func (s *Service) cancelKeyDeletion(r *service.Request, in keyInput) (out any, refused *service.Error) {
	if refused := byAlias(in.KeyID); refused != nil {
		return nil, refused
	}
	refused = s.withKey(r, "kms:CancelKeyDeletion", in.KeyID, true, func(_ *region, k *key) *service.Error {
		if k.deletion.IsZero() {
			return &service.Error{Code: "KMSInvalidStateException", Message: k.arn + " is not pending deletion."}
		}
		k.deletion, k.enabled = time.Time{}, false // a key that was saved stays disabled until somebody enables it
		out = keyInput{k.arn}
		return nil
	})
	return out, refused
}

// byAlias refuses the aliases of operations that take a key's id or ARN only.
func byAlias(name string) *service.Error {
	if strings.HasPrefix(name, "alias/") {
		return notFound("Invalid keyId '" + name + "'")
	}
	return nil
}

func managed(k *key) *service.Error {
	return &service.Error{Code: "AccessDeniedException", Message: "AWS manages " + k.arn + "; it cannot be changed"}
}

type listInput struct {
	Limit  int
	Marker string
	KeyID  string `json:"KeyId"`
}

type keyEntry struct {
	KeyID  string `json:"KeyId"`
	KeyArn string
}

func (s *Service) listKeys(r *service.Request, in listInput) (any, *service.Error) {
	if refused := r.Authorize("kms:ListKeys", "*", nil); refused != nil {
		return nil, refused
	}
	var entries []keyEntry
	_ = s.read(place{r.Account, r.Region}, r.Now, func(g *region) *service.Error {
		for _, k := range g.keys {
			if !k.gone(r.Now) {
				entries = append(entries, keyEntry{k.id, k.arn})
			}
		}
		return nil
	})
	slices.SortFunc(entries, func(a, b keyEntry) int { return strings.Compare(a.KeyID, b.KeyID) })
	page, next, refused := paginate(entries, in, 100, 1000, func(e keyEntry) string { return e.KeyID })
	return struct {
		Keys       []keyEntry
		NextMarker string `json:",omitempty"`
		Truncated  bool
	}{page, next, next != ""}, refused
}

// paginate cuts a page out of sorted entries; the marker is the last entry of the page before.
func paginate[E any](all []E, in listInput, usual, most int, id func(E) string) (page []E, next string, refused *service.Error) {
	limit := in.Limit
	if limit == 0 {
		limit = usual
	}
	if limit < 1 || limit > most {
		return nil, "", invalid(fmt.Sprintf("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", limit, most))
	}
	start := 0
	if in.Marker != "" {
		i, found := slices.BinarySearchFunc(all, in.Marker, func(e E, m string) int { return strings.Compare(id(e), m) })
		start = i
		if found {
			start++
		}
	}
	end := min(start+limit, len(all))
	if end < len(all) {
		next = id(all[end-1])
	}
	if start == end {
		return []E{}, next, nil
	}
	return all[start:end], next, nil
}
