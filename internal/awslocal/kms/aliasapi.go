package kms

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type aliasInput struct {
	AliasName   string
	TargetKeyID string `json:"TargetKeyId"`
}

func (s *Service) createAlias(r *service.Request, in aliasInput) (any, *service.Error) {
	return nil, s.point(r, "kms:CreateAlias", in, func(g *region, k *key) *service.Error {
		if g.aliases[in.AliasName] != nil {
			return &service.Error{Code: "AlreadyExistsException", Message: "An alias with the name " + g.arn(in.AliasName) + " already exists"}
		}
		g.alias(in.AliasName, k.id, r.Now)
		return nil
	})
}

func (s *Service) updateAlias(r *service.Request, in aliasInput) (any, *service.Error) {
	return nil, s.point(r, "kms:UpdateAlias", in, func(g *region, k *key) *service.Error {
		a := g.aliases[in.AliasName]
		if a == nil {
			return notFound("Alias " + g.arn(in.AliasName) + " is not found.")
		}
		a.key, a.updated = k.id, r.Now
		return nil
	})
}

// point checks an alias and the key that it is to stand for, both of which the caller needs the right for.
func (s *Service) point(r *service.Request, action string, in aliasInput, do func(*region, *key) *service.Error) *service.Error {
	r.Note(in.AliasName)
	if refused := validAlias(in.AliasName); refused != nil {
		return refused
	}
	if refused := byAlias(in.TargetKeyID); refused != nil {
		return refused
	}
	p, local, refused := locate(r, in.TargetKeyID)
	if refused != nil {
		return refused
	}
	return s.write(p, r.Now, func(g *region) *service.Error {
		if refused := r.Authorize(action, g.arn(in.AliasName), nil); refused != nil {
			return refused
		}
		k, refused := g.find(local, r.Now)
		if refused != nil {
			return refused
		}
		if refused := r.Authorize(action, k.arn, nil); refused != nil {
			return refused
		}
		if p.account != r.Account {
			return notFound("Key '" + k.arn + "' does not exist")
		}
		if !k.deletion.IsZero() {
			return pendingDeletion(k)
		}
		return do(g, k)
	})
}

func (s *Service) deleteAlias(r *service.Request, in aliasInput) (any, *service.Error) {
	r.Note(in.AliasName)
	if refused := validAlias(in.AliasName); refused != nil {
		return nil, refused
	}
	return nil, s.write(place{r.Account, r.Region}, r.Now, func(g *region) *service.Error {
		if refused := r.Authorize("kms:DeleteAlias", g.arn(in.AliasName), nil); refused != nil {
			return refused
		}
		a := g.aliases[in.AliasName]
		if a == nil {
			return notFound("Alias " + g.arn(in.AliasName) + " is not found.")
		}
		if refused := r.Authorize("kms:DeleteAlias", g.arn("key/"+a.key), nil); refused != nil {
			return refused
		}
		delete(g.aliases, in.AliasName)
		return nil
	})
}

func validAlias(name string) *service.Error {
	switch {
	case strings.HasPrefix(name, "alias/aws/"):
		return &service.Error{Code: "NotAuthorizedException", Message: "Alias names that begin with alias/aws/ are AWS's own"}
	case !ValidAlias(name):
		return &service.Error{Code: "InvalidAliasNameException", Message: "Alias must start with the prefix \"alias/\" and hold letters, digits, /, _ and - only. Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"}
	}
	return nil
}

// ValidAlias reports whether name is one that an alias can have: "alias/" and letters, digits, slashes, underscores and hyphens.
func ValidAlias(name string) bool {
	rest, ok := strings.CutPrefix(name, "alias/")
	if !ok || rest == "" || len(name) > 256 {
		return false
	}
	for i := range len(rest) {
		c := rest[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

type aliasEntry struct {
	AliasName       string
	AliasArn        string
	TargetKeyID     string `json:"TargetKeyId"`
	CreationDate    float64
	LastUpdatedDate float64
}

func (s *Service) listAliases(r *service.Request, in listInput) (any, *service.Error) {
	if refused := r.Authorize("kms:ListAliases", "*", nil); refused != nil {
		return nil, refused
	}
	of := ""
	var entries []aliasEntry
	refused := s.read(place{r.Account, r.Region}, r.Now, func(g *region) *service.Error {
		if in.KeyID != "" {
			_, local, refused := locate(r, in.KeyID)
			if refused != nil {
				return refused
			}
			k, refused := g.find(local, r.Now)
			if refused != nil {
				return refused
			}
			of = k.id
		}
		for _, a := range g.aliases {
			if of == "" || a.key == of {
				entries = append(entries, aliasEntry{a.name, g.arn(a.name), a.key, epoch(a.created), epoch(a.updated)})
			}
		}
		return nil
	})
	if refused != nil {
		return nil, refused
	}
	slices.SortFunc(entries, func(a, b aliasEntry) int { return strings.Compare(a.AliasName, b.AliasName) })
	page, next, refused := paginate(entries, in, 50, 100, func(e aliasEntry) string { return e.AliasName })
	return struct {
		Aliases    []aliasEntry
		NextMarker string `json:",omitempty"`
		Truncated  bool
	}{page, next, next != ""}, refused
}
