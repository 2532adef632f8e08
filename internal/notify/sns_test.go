package notify

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

const topicARN = "arn:aws:sns:eu-west-1:111122223333:secretsync-failures"

// fakeSNS speaks as much of SNS's query protocol as Publish needs.
type fakeSNS struct {
	mu     sync.Mutex
	forms  []url.Values
	signed []string
	codes  []int // answered first, one after the other
}

func (f *fakeSNS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forms, f.signed = append(f.forms, r.PostForm), append(f.signed, r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "text/xml")
	code := 200
	if len(f.codes) > 0 {
		code, f.codes = f.codes[0], f.codes[1:]
	}
	kind := "InternalFailure"
	switch code {
	case 200:
		fmt.Fprint(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>`)
		return
	case 403:
		kind = "AuthorizationError"
	case 404:
		kind = "NotFound"
	}
	w.WriteHeader(code)
	fmt.Fprintf(w, `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>%s</Code><Message>what AWS says</Message></Error><RequestId>r</RequestId></ErrorResponse>`, kind)
}

func (f *fakeSNS) published() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]url.Values{}, f.forms...)
}

// withSNS returns dependencies whose AWS is at a URL.
func withSNS(t *testing.T, at string) Deps {
	t.Helper()
	t.Setenv("AWS_CA_BUNDLE", "")
	d := deps(t)
	client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.DisableKeepAlives = true })
	d.Factory = awscfg.New(awscfg.Options{Timeout: 5 * time.Second, MaxBackoff: time.Millisecond, Load: []func(*config.LoadOptions) error{
		config.WithHTTPClient(client), config.WithRegion("us-east-1"), config.WithBaseEndpoint(at), config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", canary, "")),
	}})
	return d
}

func openTopic(t *testing.T, s SNS, codes ...int) (*Notifier, *fakeSNS) {
	t.Helper()
	f := &fakeSNS{codes: codes}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return mustOpen(t, Settings{SNS: &s}, withSNS(t, server.URL)), f
}

func TestOneMessageIsPublishedInTheTopicsRegion(t *testing.T) { // S1-09
	n, f := openTopic(t, SNS{TopicARN: topicARN})
	if got := send(t, n, message()); got != "" {
		t.Fatal(got)
	}
	all := f.published()
	if len(all) != 1 {
		t.Fatalf("%d calls", len(all))
	}
	form := all[0]
	if form.Get("Action") != "Publish" || form.Get("TopicArn") != topicARN || form.Get("Subject") != "[secretsync] run failed: 2 of 9 changes, owner team" || form.Get("MessageGroupId") != "" {
		t.Errorf("got %v", form)
	}
	text := form.Get("Message")
	if !strings.HasPrefix(text, "Account: 111122223333, Region: us-east-1. Failed to create/update the following secrets:") || !strings.Contains(text, "Secrets created: 3, Secrets updated: 4") { // S1-10
		t.Errorf("got %s", text)
	}
	if !strings.Contains(f.signed[0], "/eu-west-1/sns/") {
		t.Errorf("signed for %s", f.signed[0])
	}
	n, f = openTopic(t, SNS{TopicARN: topicARN + ".fifo", Region: "us-west-2", Subject: "s {{ .RunID }}", Text: "t {{ .Owner }}"})
	if got := send(t, n, message()); got != "" {
		t.Fatal(got)
	}
	form = f.published()[0]
	if form.Get("Subject") != "s run-1" || form.Get("Message") != "t team" || form.Get("MessageGroupId") != "secretsync" || form.Get("MessageDeduplicationId") != "run-1-failed" || !strings.Contains(f.signed[0], "/us-west-2/sns/") {
		t.Errorf("got %v, signed %s", form, f.signed[0])
	}
}

func TestARunThatCouldNotListIsTold(t *testing.T) { // S1-B2
	n, f := openTopic(t, SNS{TopicARN: topicARN})
	if got := send(t, n, Message{RunID: "r", Account: "111122223333", Region: "us-east-1", Time: now, Outcome: Failed, Error: "list vault: unavailable"}); got != "" {
		t.Fatal(got)
	}
	if form := f.published()[0]; !strings.Contains(form.Get("Message"), "Nothing was attempted: list vault: unavailable") {
		t.Errorf("got %v", form)
	}
}

func TestSubjectAndTextAreWhatSNSTakes(t *testing.T) {
	m := message()
	m.Owner = "té\nam" + strings.Repeat("x", 200)
	for range 900 {
		m.Failures = append(m.Failures, Failure{Name: "n", Error: strings.Repeat("é", 1000)})
	}
	n, f := openTopic(t, SNS{TopicARN: topicARN})
	if got := send(t, n, m); got != "" {
		t.Fatal(got)
	}
	form := f.published()[0]
	subject := form.Get("Subject")
	if len(subject) != maxSNSSubject || !strings.HasSuffix(subject, "...") || !strings.HasPrefix(subject, "[secretsync] run failed: 2 of 9 changes, owner t? am") {
		t.Errorf("subject %q", subject)
	}
	if text := form.Get("Message"); len(text) > maxText || !strings.Contains(text, " more\n") || !strings.Contains(text, "Secrets created: 3") {
		t.Errorf("%d bytes", len(text))
	}
	for in, want := range map[string]string{"": "secretsync", " \t": "?", "é": "?", "  a ": "a"} {
		if got := snsSubject(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhatSNSAnswersIsTold(t *testing.T) {
	for _, c := range []struct {
		codes []int
		want  string
		calls int
	}{
		{[]int{403}, "notify sns " + topicARN + ": Publish: AuthorizationError: what AWS says", 1},
		{[]int{404}, "notify sns " + topicARN + ": Publish: NotFound: what AWS says", 1},
		{[]int{500, 503}, "", 3},
		{[]int{500, 500, 500, 500}, "notify sns " + topicARN + ": Publish: unavailable: InternalFailure: what AWS says", 3},
	} {
		n, f := openTopic(t, SNS{TopicARN: topicARN}, c.codes...)
		if got := send(t, n, message()); got != c.want || len(f.published()) != c.calls {
			t.Errorf("%v: %q after %d calls", c.codes, got, len(f.published()))
		}
	}
	n := mustOpen(t, Settings{SNS: &SNS{TopicARN: topicARN}}, withSNS(t, "http://"+closedPort(t)))
	if got := send(t, n, message()); !strings.Contains(got, "unavailable") || !strings.Contains(got, "connection refused") {
		t.Errorf("got %s", got)
	}
}
