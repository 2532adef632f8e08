// Package lambdatest is a stand-in for the part of AWS Lambda that runs a function: it starts a real process, hands it invocations over the runtime API, and takes its
// answers. It is for tests.
package lambdatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Function is a program as a function of Lambda. Its invocations come one after the other.
type Function struct {
	// Command makes the process, which has not begun: its program, arguments, environment and directory. It is called again after the process has ended, as Lambda
	// starts another. Standard output and error are taken for the log.
	Command func() *exec.Cmd
	Timeout time.Duration // of an invocation; zero: 10 seconds

	t     testing.TB
	turn  sync.Mutex // held by an invocation
	proc  *process
	count int
	log   buffer
}

// Answer is what an invocation ended with: Body, or Error.
type Answer struct {
	Body  []byte
	Error *Error
}

// Error is what a function returns, or what Lambda says of it: Runtime.ExitError where the process ended, Sandbox.Timedout where it took too long.
type Error struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Start returns the function, cold: its process begins with the first invocation. It ends with the test.
func (f *Function) Start(t testing.TB) *Function {
	f.t = t
	if f.Timeout == 0 {
		f.Timeout = 10 * time.Second
	}
	t.Cleanup(f.Stop)
	return f
}

// Stop ends the process, if there is one. The next invocation is a cold start.
func (f *Function) Stop() {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.stop()
}

// Invoke hands one event to the function, and returns its answer.
func (f *Function) Invoke(payload string) Answer {
	f.t.Helper()
	f.turn.Lock()
	defer f.turn.Unlock()
	if f.proc == nil {
		f.begin()
	}
	f.count++
	i := &invocation{id: fmt.Sprintf("00000000-0000-4000-8000-%012d", f.count), payload: payload, answer: make(chan Answer, 1)}
	late := time.NewTimer(f.Timeout)
	defer late.Stop()
	i.deadline = time.Now().Add(f.Timeout)
	queue := f.proc.queue
	for {
		select {
		case queue <- i:
			queue = nil
		case a := <-i.answer:
			return a
		case <-f.proc.ended:
			f.stop()
			return Answer{Error: &Error{Type: "Runtime.ExitError", Message: "the process ended"}}
		case <-late.C:
			f.stop()
			return Answer{Error: &Error{Type: "Sandbox.Timedout", Message: fmt.Sprintf("Task timed out after %.2f seconds", f.Timeout.Seconds())}}
		}
	}
}

// Log returns what the processes have written. What the last one wrote may be on its way until Stop.
func (f *Function) Log() string { return f.log.String() }

// Lines returns the lines of the log that are JSON objects.
func (f *Function) Lines() []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(f.Log()) {
		var o map[string]any
		if json.Unmarshal([]byte(line), &o) == nil {
			all = append(all, o)
		}
	}
	return all
}

// process is one that runs, with a runtime API of its own.
type process struct {
	api   *httptest.Server
	cmd   *exec.Cmd
	queue chan *invocation
	ended chan struct{}

	mu      sync.Mutex
	waiting map[string]*invocation
}

type invocation struct {
	id, payload string
	deadline    time.Time
	answer      chan Answer
}

func (f *Function) begin() {
	p := &process{cmd: f.Command(), queue: make(chan *invocation), ended: make(chan struct{}), waiting: map[string]*invocation{}}
	const api = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api+"invocation/next", p.next)
	mux.HandleFunc("POST "+api+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		p.done(w, r, func(body []byte) Answer { return Answer{Body: body} })
	})
	mux.HandleFunc("POST "+api+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		p.done(w, r, failure)
	})
	mux.HandleFunc("POST "+api+"init/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	p.api = httptest.NewServer(mux)
	if p.cmd.Env == nil {
		p.cmd.Env = p.cmd.Environ()
	}
	p.cmd.Env = append(p.cmd.Env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(p.api.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=secretsync",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST")
	p.cmd.Stdout, p.cmd.Stderr = &f.log, &f.log
	if err := p.cmd.Start(); err != nil {
		p.api.Close()
		f.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in the log
		close(p.ended)
	}()
	f.proc = p
}

// stop ends the process, if there is one.
func (f *Function) stop() {
	if f.proc == nil {
		return
	}
	_ = f.proc.cmd.Process.Kill() // it may have ended already
	<-f.proc.ended
	f.proc.api.CloseClientConnections()
	f.proc.api.Close()
	f.proc = nil
}

func (p *process) next(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case i := <-p.queue:
		p.mu.Lock()
		p.waiting[i.id] = i
		p.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(i.deadline.UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:secretsync")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		_, _ = io.WriteString(w, i.payload) // a process that is gone is seen by its end
	}
}

// done takes the answer of an invocation.
func (p *process) done(w http.ResponseWriter, r *http.Request, read func([]byte) Answer) {
	body, err := io.ReadAll(r.Body)
	p.mu.Lock()
	i := p.waiting[r.PathValue("id")]
	delete(p.waiting, r.PathValue("id"))
	p.mu.Unlock()
	if err != nil || i == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	i.answer <- read(body)
}

func failure(body []byte) Answer {
	e := &Error{}
	if json.Unmarshal(body, e) != nil {
		e.Type, e.Message = "Runtime.Unknown", string(body)
	}
	return Answer{Error: e}
}

// buffer is a bytes.Buffer that is safe for concurrent use.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}
