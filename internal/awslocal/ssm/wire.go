package ssm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// timestamp is written as seconds since 1970, to the millisecond.
type timestamp time.Time

// MarshalJSON writes the seconds as a number.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', -1, 64), nil
}

// decode reads the parameters of a call. What does not fit is not repeated in the error: it may be a value.
func decode[T any](r *service.Request) (*T, *service.Error) {
	in := new(T)
	if len(r.Body) == 0 {
		return in, nil
	}
	if err := json.Unmarshal(r.Body, in); err != nil {
		return nil, &service.Error{Code: "SerializationException", Message: "The request body is not a valid document for this operation."}
	}
	return in, nil
}

func refuse(code, format string, args ...any) *service.Error {
	return &service.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func validation(format string, args ...any) *service.Error {
	return refuse("ValidationException", format, args...)
}

// notFound has no text, as in AWS.
func notFound() *service.Error { return &service.Error{Code: "ParameterNotFound"} }

// position is where a page ends: pages stay in step while parameters come and go.
type position struct {
	Of      string `json:"o"` // the operation, and what it lists
	Name    string `json:"n,omitempty"`
	Version int64  `json:"v,omitempty"`
}

func (p position) token() string {
	text, _ := json.Marshal(p) // a struct of strings and a number: it never fails
	return base64.RawURLEncoding.EncodeToString(text)
}

// parsePosition reads the token of a page of a listing; no token is the zero position.
func parsePosition(token *string, of string) (position, *service.Error) {
	var p position
	if token == nil || *token == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || json.Unmarshal(text, &p) != nil || p.Of != of {
		return p, refuse("InvalidNextToken", "The specified token isn't valid.")
	}
	return p, nil
}

// deref returns what p points to, and the zero value for nil.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
