package notify

import (
	"crypto/tls"
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// letter is one mail that the server took.
type letter struct {
	from string
	to   []string
	data string
}

// postOffice is a mail server.
type postOffice struct {
	host string
	port int

	mu       sync.Mutex
	got      []letter
	logins   int
	password string          // empty: everybody may log in
	refuse   map[string]int  // recipients, by the code that they get
	busy     int             // so many mails are turned away at first
	repeats  bool            // refuses every sender with what it knows
	secured  map[string]bool // whether mails came by TLS
}

type visit struct {
	office *postOffice
	conn   *smtp.Conn
	letter letter
}

func (o *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &visit{office: o, conn: c}, nil
}
func (v *visit) Reset()                   { v.letter = letter{} }
func (v *visit) Logout() error            { return nil }
func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		v.office.mu.Lock()
		defer v.office.mu.Unlock()
		if v.office.logins++; user != "team" || v.office.password != "" && password != v.office.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong: " + password}
		}
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.office.repeats {
		return &smtp.SMTPError{Code: 550, Message: "you said " + canary}
	}
	v.letter.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	if code := v.office.refuse[to]; code != 0 {
		if code < 500 {
			delete(v.office.refuse, to)
		}
		return &smtp.SMTPError{Code: code, Message: "nobody of that name"}
	}
	v.letter.to = append(v.letter.to, to)
	return nil
}

func (v *visit) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	if v.office.busy > 0 {
		v.office.busy--
		return &smtp.SMTPError{Code: 451, Message: "later"}
	}
	v.letter.data = string(data)
	_, secured := v.conn.TLSConnectionState()
	v.office.secured[v.letter.from] = secured
	v.office.got = append(v.office.got, v.letter)
	return nil
}

func (o *postOffice) letters() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]letter{}, o.got...)
}

// openOffice starts a server; without a certificate it offers no TLS, and immediate has it from the beginning.
func openOffice(t *testing.T, cert *tls.Certificate, immediate bool) *postOffice {
	t.Helper()
	o := &postOffice{refuse: map[string]int{}, secured: map[string]bool{}}
	s := smtp.NewServer(o)
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = "here", true, log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.host = "127.0.0.1"
	o.port = l.Addr().(*net.TCPAddr).Port
	if cert != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}}
		if immediate {
			l = tls.NewListener(l, s.TLSConfig)
		}
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return o
}

func (o *postOffice) settings() *SMTP {
	return &SMTP{Host: o.host, Port: o.port, From: "Secret Sync <sync@example.com>", To: []string{"ops@example.com", "\"Dév Team\" <dev@example.com>"}, TLS: NoTLS}
}

func TestAMailArrivesAsPlainTextWithDateAndId(t *testing.T) {
	o := openOffice(t, nil, false)
	m := message()
	m.Owner = "téam"
	if got := send(t, mustOpen(t, Settings{SMTP: o.settings()}, deps(t)), m); got != "" {
		t.Fatal(got)
	}
	all := o.letters()
	if len(all) != 1 || all[0].from != "sync@example.com" || strings.Join(all[0].to, " ") != "ops@example.com dev@example.com" {
		t.Fatalf("got %+v", all)
	}
	read, err := mail.ReadMessage(strings.NewReader(all[0].data))
	if err != nil {
		t.Fatal(err)
	}
	h := read.Header
	date, err := h.Date()
	if err != nil || !date.Equal(now) {
		t.Errorf("date %v, %v", date, err)
	}
	if id := h.Get("Message-ID"); !strings.HasPrefix(id, "<run-1.") || !strings.HasSuffix(id, "@example.com>") {
		t.Errorf("id %q", id)
	}
	if !strings.HasPrefix(h.Get("Content-Type"), "text/plain; charset=UTF-8") || h.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("header %v", h)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != "[secretsync] run failed: 2 of 9 changes, owner téam" {
		t.Errorf("subject %q, %v", subject, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil || !strings.HasPrefix(strings.ReplaceAll(string(body), "\r\n", "\n"), "Account: 111122223333, Region: us-east-1. Failed to create/update the following secrets:\n") {
		t.Errorf("%v: %s", err, body)
	}
}

func TestNoHeaderCanBeAddedToAMail(t *testing.T) {
	o := openOffice(t, nil, false)
	m := message()
	const evil = "x\r\nBcc: evil@example.com\r\n\r\nbody"
	m.Owner, m.RunID, m.Failures[0].Name = evil, evil, "a\r\n.\r\nMAIL FROM:<evil@example.com>"
	s := o.settings()
	s.Subject = "{{ .Owner }}"
	if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), m); got != "" {
		t.Fatal(got)
	}
	read, err := mail.ReadMessage(strings.NewReader(o.letters()[0].data))
	if err != nil || read.Header.Get("Bcc") != "" || len(o.letters()) != 1 || len(o.letters()[0].to) != 2 {
		t.Errorf("%v: %+v", err, o.letters())
	}
}

func TestMailIsSentByStartTLSOrTLSOnlyToAServerThatIsTrusted(t *testing.T) {
	cert, file := certificate(t)
	for mode, immediate := range map[string]bool{"": false, StartTLS: false, TLS: true} {
		o := openOffice(t, &cert, immediate)
		o.password = canary
		s := o.settings()
		s.TLS, s.Username, s.PasswordEnv = mode, "team", "SECRET"
		if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), message()); !strings.Contains(got, "its certificate is not trusted: x509:") || strings.Contains(got, "attempts") {
			t.Errorf("%q: got %s", mode, got)
		}
		if o.logins > 0 {
			t.Error("a password was sent to a server that is not trusted")
		}
		s.CAFile = file
		if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), message()); got != "" {
			t.Errorf("%q: got %s", mode, got)
		}
		if all := o.letters(); len(all) != 1 || !o.secured["sync@example.com"] {
			t.Errorf("%q: got %+v", mode, all)
		}
	}
}

func TestAServerWithoutStartTLSGetsNothing(t *testing.T) {
	o := openOffice(t, nil, false)
	s := o.settings()
	s.TLS, s.Username, s.PasswordEnv = "", "team", "SECRET"
	if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), message()); !strings.Contains(got, "does not offer STARTTLS") || len(o.letters()) > 0 || o.logins > 0 {
		t.Errorf("got %s", got)
	}
}

func TestALoginThatIsRefusedIsToldWithoutThePassword(t *testing.T) {
	o := openOffice(t, nil, false)
	o.password = "another"
	s := o.settings()
	s.Username, s.PasswordEnv = "team", "SECRET"
	if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), message()); got != "notify smtp 127.0.0.1: log in: the server answered 535" {
		t.Errorf("got %s", got)
	}
	o.password, o.repeats = canary, true
	if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), message()); got != "notify smtp 127.0.0.1: from sync@example.com: the server answered 550 you said ..." && !strings.HasSuffix(got, "you said ...") {
		t.Errorf("got %s", got)
	}
}

func TestARecipientThatIsRefusedDoesNotKeepTheMailFromTheOthers(t *testing.T) {
	for code, want := range map[int]string{550: "to ops@example.com: the server answered 550", 450: ""} {
		o := openOffice(t, nil, false)
		o.refuse["ops@example.com"] = code
		got := send(t, mustOpen(t, Settings{SMTP: o.settings()}, deps(t)), message())
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%d: got %s", code, got)
		}
		reached, ids := map[string]int{}, map[string]bool{}
		for _, l := range o.letters() {
			for _, to := range l.to {
				reached[to]++
			}
			read, err := mail.ReadMessage(strings.NewReader(l.data))
			if err != nil {
				t.Fatal(err)
			}
			ids[read.Header.Get("Message-ID")] = true
		}
		if reached["dev@example.com"] != 1 || (reached["ops@example.com"] == 1) != (want == "") || len(ids) != 1 {
			t.Errorf("%d: %v", code, reached)
		}
	}
	o := openOffice(t, nil, false)
	o.refuse["ops@example.com"], o.refuse["dev@example.com"], o.busy = 550, 551, 1
	if got := send(t, mustOpen(t, Settings{SMTP: o.settings()}, deps(t)), message()); strings.Count(got, "to ") != 2 || len(o.letters()) > 0 {
		t.Errorf("got %s", got)
	}
}

func TestAServerThatIsBusyIsTriedAgainAndOneThatIsAwayIsGivenUp(t *testing.T) {
	o := openOffice(t, nil, false)
	o.busy = 2
	o.refuse["ops@example.com"] = 550
	if got := send(t, mustOpen(t, Settings{SMTP: o.settings()}, deps(t)), message()); strings.Count(got, "550") != 1 || len(o.letters()) != 1 {
		t.Errorf("got %s, %+v", got, o.letters())
	}
	o.busy = 3
	if got := send(t, mustOpen(t, Settings{SMTP: o.settings()}, deps(t)), message()); !strings.Contains(got, "3 attempts: send: the server answered 451") {
		t.Errorf("got %s", got)
	}
	_, port, _ := net.SplitHostPort(closedPort(t))
	s := o.settings()
	s.Port, _ = strconv.Atoi(port)
	if got := send(t, mustOpen(t, Settings{SMTP: s}, deps(t)), message()); !strings.Contains(got, "3 attempts: dial tcp") || !strings.HasSuffix(got, "connection refused") {
		t.Errorf("got %s", got)
	}
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		var all []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			all = append(all, c)
		}
		for _, c := range all {
			_ = c.Close()
		}
	}()
	d := deps(t)
	d.Timeout = 30 * time.Millisecond
	s := &SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "a@b.c", To: []string{"d@e.f"}, TLS: NoTLS}
	if got := send(t, mustOpen(t, Settings{SMTP: s}, d), message()); !strings.Contains(got, "3 attempts: ") {
		t.Errorf("got %s", got)
	}
}

func TestAPortFollowsFromTheProtection(t *testing.T) {
	for mode, want := range map[string]int{"": 587, StartTLS: 587, NoTLS: 587, TLS: 465} {
		to, err := openSMTP(SMTP{Host: "h", From: "a@b.c", To: []string{"d@e.f"}, TLS: mode}, Deps{}.withDefaults())
		if m, ok := to.(*mailer); err != nil || !ok || m.set.Port != want {
			t.Errorf("%q: %v, %v", mode, to, err)
		}
	}
}
