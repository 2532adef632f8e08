package secretsmanager

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// timestamp is written as seconds since 1970, to the millisecond. The zero one is left out by omitzero.
type timestamp time.Time

// IsZero makes omitzero leave out an unset time.
func (t timestamp) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON writes the seconds as a number.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', -1, 64), nil
}

// named is what many operations answer: which secret it was.
type named struct {
	ARN  string
	Name string
}

// decode reads the parameters of a call. What does not fit is not repeated in the error: it may be a secret's value.
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

func invalidParameter(format string, args ...any) *service.Error {
	return refuse("InvalidParameterException", format, args...)
}

func invalidRequest(format string, args ...any) *service.Error {
	return refuse("InvalidRequestException", format, args...)
}

func validation(format string, args ...any) *service.Error {
	return refuse("ValidationException", format, args...)
}

func notFound() *service.Error {
	return refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func markedDeleted() *service.Error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

func onReplica() *service.Error {
	return invalidParameter("Operation not permitted on a replica secret. Call must be made in primary secret's region.")
}
