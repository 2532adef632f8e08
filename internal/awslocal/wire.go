package awslocal

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// maxBody is more than any operation reads.
const maxBody = 16 << 20

// scope is what a request says about itself before anything is looked up.
type scope struct {
	accessKey string
	token     string
	region    string
	service   string
	operation string
	json      bool   // the JSON protocol; with neither this nor rest, the query protocol
	rest      bool   // a REST protocol with JSON
	mime      string // of the answer
}

var (
	errUnsigned  = errors.New("no signature")
	errSignature = errors.New("incomplete signature")
)

// readScope reads the credential scope of SigV4 from the Authorization header or, for a presigned request, from the query.
func readScope(req *http.Request) (scope, error) {
	sc := scope{token: req.Header.Get("X-Amz-Security-Token"), mime: "text/xml"}
	if t := req.Header.Get("X-Amz-Target"); t != "" {
		sc.json = true
		sc.operation = t[strings.LastIndexByte(t, '.')+1:]
	}
	if m := req.Header.Get("Content-Type"); strings.HasPrefix(m, "application/x-amz-json") {
		sc.json = true
		sc.mime = m
	} else if sc.json {
		sc.mime = "application/x-amz-json-1.1"
	}

	var credential string
	if auth := req.Header.Get("Authorization"); auth != "" {
		_, after, ok := strings.Cut(auth, "Credential=")
		if !ok {
			return sc, errSignature
		}
		credential, _, _ = strings.Cut(after, ",")
	} else if strings.Contains(req.URL.RawQuery, "X-Amz-Credential=") {
		q := req.URL.Query()
		credential, sc.token = q.Get("X-Amz-Credential"), q.Get("X-Amz-Security-Token")
	} else {
		return sc, errUnsigned
	}
	// The access key is everything before the last four parts: day, Region, service, "aws4_request".
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if n := len(parts); n == 5 && parts[0] != "" && parts[2] != "" && parts[3] != "" {
		sc.accessKey, sc.region, sc.service = parts[0], parts[2], parts[3]
		return sc, nil
	}
	return sc, errSignature
}

// route reads the operation of a REST protocol, and what the path and the query name.
func (sc *scope) route(req *http.Request, to service.Router) url.Values {
	sc.rest, sc.mime = true, "application/json"
	var names map[string]string
	sc.operation, names = to.Route(req.Method, req.URL.Path)
	form := req.URL.Query()
	for k, v := range names {
		form.Set(k, v)
	}
	return form
}

// readBody reads a request's body, and for the query protocol its parameters.
func readBody(req *http.Request, sc *scope) (body []byte, form url.Values, err error) {
	if req.Body != nil {
		if n := req.ContentLength; n > 0 && n <= maxBody {
			body = make([]byte, n)
			_, err = io.ReadFull(req.Body, body)
		} else {
			body, err = io.ReadAll(io.LimitReader(req.Body, maxBody+1))
		}
		if err != nil {
			return nil, nil, err
		}
		if len(body) > maxBody {
			return nil, nil, errors.New("body too large")
		}
	}
	if sc.json || sc.rest {
		return body, nil, nil
	}
	if form, err = url.ParseQuery(string(body)); err != nil {
		return nil, nil, errors.New("the body is not a form") // the cause quotes the body
	}
	if req.URL.RawQuery != "" {
		for k, v := range req.URL.Query() {
			if !form.Has(k) {
				form[k] = v
			}
		}
	}
	sc.operation = form.Get("Action")
	return body, form, nil
}

// reply is an answer, ready to be sent.
type reply struct {
	status    int
	mime      string
	requestID string
	errorType string // of a refusal in a REST protocol
	query     string // the code of a refusal in the query protocol, where the JSON protocol tells it too
	body      []byte
	dropped   bool // the connection closes, and nothing is sent
}

// header fills in the headers of the answer.
func (r *reply) header(h http.Header, now time.Time) {
	h["Content-Type"] = []string{r.mime}
	h["X-Amzn-Requestid"] = []string{r.requestID}
	h["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	if r.errorType != "" {
		h["X-Amzn-Errortype"] = []string{r.errorType}
	}
	if r.query != "" {
		h["X-Amzn-Query-Error"] = []string{r.query + ";Sender"}
	}
}

// answerOf encodes what a service answered.
func answerOf(sc *scope, requestID string, res *service.Response) (reply, *service.Error) {
	r := reply{status: http.StatusOK, mime: sc.mime, requestID: requestID}
	if res.XML != nil {
		r.body = res.XML
		return r, nil
	}
	body, err := json.Marshal(res.JSON)
	if err != nil {
		return reply{}, &service.Error{Code: "InternalFailure", Message: "the answer cannot be encoded", Status: http.StatusInternalServerError}
	}
	r.body = body
	return r, nil
}

// refusalOf encodes a refusal as AWS does in the request's protocol. namespace is the one of the service's XML documents.
func refusalOf(sc *scope, requestID, namespace string, e *service.Error) reply {
	r := reply{status: e.HTTPStatus(), mime: sc.mime, requestID: requestID}
	if sc.rest {
		r.errorType = e.Code
		r.body, _ = json.Marshal(struct {
			Message string `json:"message"`
		}{e.Message}) // strings can always be encoded
		return r
	}
	if sc.json {
		r.query = e.Query
		// Both spellings of the text are AWS's: Secrets Manager begins it with a capital letter, the others do not.
		if sc.service == "secretsmanager" {
			r.body, _ = json.Marshal(struct {
				Type    string `json:"__type"`
				Message string
			}{e.Code, e.Message}) // strings can always be encoded
		} else {
			r.body, _ = json.Marshal(struct {
				Type    string `json:"__type"`
				Message string `json:"message,omitempty"`
			}{e.Code, e.Message})
		}
		return r
	}
	kind := "Sender"
	if r.status >= 500 {
		kind = "Receiver"
	}
	var doc bytes.Buffer
	doc.WriteString("<ErrorResponse")
	if namespace != "" {
		doc.WriteString(` xmlns="` + namespace + `"`)
	}
	doc.WriteString("><Error><Type>" + kind + "</Type><Code>")
	_ = xml.EscapeText(&doc, []byte(e.Code)) // a buffer takes everything
	doc.WriteString("</Code><Message>")
	_ = xml.EscapeText(&doc, []byte(e.Message))
	doc.WriteString("</Message></Error><RequestId>" + requestID + "</RequestId></ErrorResponse>")
	r.body = doc.Bytes()
	return r
}
