package awscfg

import (
	"io"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// plainReader is a request's stream without the WriteTo that bytes.Reader has.
type plainReader struct{ io.ReadSeeker }

// plainStream hides WriteTo of a request's stream. The SDK closes the stream as soon as the answer's header is in, and its wrapper's WriteTo then fails with io.EOF;
// net/http may still be asking it whether there is more, takes that for a failed request, and closes the connection in the middle of the answer. A server that
// answers within microseconds, as one on this machine does, provokes it a few times in a hundred calls. Read has no such fault.
func plainStream(request any) (any, error) {
	r, ok := request.(*smithyhttp.Request)
	if !ok {
		return request, nil
	}
	seeker, ok := r.GetStream().(io.ReadSeeker)
	if !ok {
		return request, nil
	}
	if _, ok := seeker.(io.WriterTo); !ok {
		return request, nil
	}
	return r.SetStream(plainReader{seeker})
}
