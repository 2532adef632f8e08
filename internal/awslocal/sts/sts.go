// Package sts is the Security Token Service of the embedded AWS.
package sts

import (
	"bytes"
	"context"
	"encoding/xml"

	"github.com/secretsync-dev/secretsync/internal/awslocal/identity"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service answers STS. It is safe for concurrent use.
type Service struct {
	identities *identity.Directory
	newID      func() string
}

// New returns the service over a directory of identities. newID makes request ids.
func New(identities *identity.Directory, newID func() string) *Service {
	return &Service{identities: identities, newID: newID}
}

// SigningName is "sts".
func (s *Service) SigningName() string { return "sts" }

// XMLNamespace is the namespace of the service's documents.
func (s *Service) XMLNamespace() string { return "https://sts.amazonaws.com/doc/2011-06-15/" }

// Serve answers AssumeRole, GetCallerIdentity and GetSessionToken.
func (s *Service) Serve(ctx context.Context, r *service.Request) (*service.Response, *service.Error) {
	caller := identity.FromContext(ctx)
	if caller == nil {
		caller = &identity.Caller{Principal: r.Principal}
	}
	var result any
	var refused *service.Error
	switch r.Operation {
	case "AssumeRole":
		result, refused = s.assumeRole(r, caller)
	case "GetCallerIdentity":
		result = callerIdentity{Arn: caller.ARN, UserID: caller.UserID, Account: caller.Account}
	case "GetSessionToken":
		result, refused = s.sessionToken(r, caller)
	default:
		refused = &service.Error{Code: "InvalidAction", Message: "Could not find operation " + r.Operation + " for version 2011-06-15"}
	}
	if refused != nil {
		return nil, refused
	}
	return s.answer(r.Operation, result), nil
}

// answer wraps a result into the document that the query protocol wants: <OpResponse><OpResult>…</OpResult><ResponseMetadata/></OpResponse>.
func (s *Service) answer(operation string, result any) *service.Response {
	var doc bytes.Buffer
	doc.WriteString("<" + operation + `Response xmlns="` + s.XMLNamespace() + `">`)
	enc := xml.NewEncoder(&doc)
	// A bytes.Buffer takes everything and the results are plain structs, so neither call can fail.
	_ = enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: operation + "Result"}})
	_ = enc.Flush()
	doc.WriteString("<ResponseMetadata><RequestId>" + s.newID() + "</RequestId></ResponseMetadata></" + operation + "Response>")
	return &service.Response{XML: doc.Bytes()}
}

type callerIdentity struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumedRole struct {
	AssumedRoleUser struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	Credentials      credentials
	PackedPolicySize int `xml:",omitempty"`
}

type sessionToken struct {
	Credentials credentials
}
