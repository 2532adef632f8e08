// Package demo tells the main job of the program from start to end, on an AWS in memory: no account, no network, no configuration, and nothing is left behind.
// It checks what it tells.
package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// Show prints the story. All fields must be set; an error of one ends the story.
type Show struct {
	Text   func(string) error         // paragraphs, each ends in a newline
	Plan   func(*plan.Plan) error     // as `plan` prints it
	Report func(*engine.Report) error // as `sync` prints it
	Code   func(*engine.Report) int   // the exit code that `sync` ends with
}

// Step is what one part of the story came to.
type Step struct {
	Title string         `json:"title"`
	Calls map[string]int `json:"calls"` // to AWS, by operation
}

// Run tells the story, and returns its steps. The error says where it did not come out as told.
// While it runs, the AWS_* variables of this process are set aside, as nothing of the user's own settings may count: do not run anything else beside it
// that reads the environment.
func Run(ctx context.Context, show Show) ([]Step, error) {
	defer setAside("AWS_")()
	w, err := newWorld()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer w.close()
	s := &story{ctx: ctx, show: show, world: w}
	s.text(opening)
	for i, chapter := range chapters() {
		if s.err != nil || ctx.Err() != nil {
			break
		}
		s.begin(i+1, chapter.title)
		chapter.tell(s)
		s.end(chapter.title)
	}
	switch {
	case ctx.Err() != nil:
		return s.steps, ctx.Err()
	case s.err != nil:
		return s.steps, s.err
	}
	s.text("\n" + s.closing())
	return s.steps, s.err
}

// story is one telling. Once err is set nothing more is told.
type story struct {
	ctx   context.Context
	show  Show
	world *world
	title string
	mark  awslocal.Mark // where the calls of the present command begin
	calls map[string]int
	steps []Step
	err   error
}

func (s *story) begin(n int, title string) {
	s.title, s.calls = title, map[string]int{}
	s.text(fmt.Sprintf("\n== %d. %s\n\n", n, title))
}

func (s *story) end(title string) {
	if s.err == nil {
		s.steps = append(s.steps, Step{title, s.calls})
	}
}

func (s *story) text(t string) {
	if s.err == nil {
		s.err = s.show.Text(t)
	}
}

// claim ends the story where it does not come out as told.
func (s *story) claim(ok bool, format string, args ...any) {
	if s.err == nil && !ok {
		s.err = fmt.Errorf("the demo did not come out as told: step %q: %s", s.title, fmt.Sprintf(format, args...))
	}
}

func (s *story) must(err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("the demo did not come out as told: step %q: %w", s.title, err)
	}
}

// command begins a command of its own: another process would hold none of the sessions of the one before.
func (s *story) command(line string) *engine.Engine {
	s.text("$ " + line + "\n")
	if s.err != nil {
		return nil
	}
	e, err := s.world.engine()
	s.must(err)
	s.mark = s.world.aws.Ledger().Mark()
	return e
}

// counted returns the calls since the command began, and tells them.
func (s *story) counted() map[string]int {
	counts := map[string]int{}
	for _, c := range s.world.aws.Ledger().Since(s.mark) {
		if !c.Internal {
			counts[c.Operation]++
			s.calls[c.Operation]++
		}
	}
	all := make([]string, 0, len(counts))
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[op], op))
	}
	s.text("API calls: " + strings.Join(all, ", ") + "\n")
	return counts
}

// plan plans, and shows it.
func (s *story) plan() (*plan.Plan, map[string]int) {
	e := s.command("secretsync plan")
	if s.err != nil {
		return &plan.Plan{}, nil
	}
	run, err := e.Plan(s.ctx, engine.Options{})
	if err != nil {
		s.must(err)
		return &plan.Plan{}, nil
	}
	s.err = s.show.Plan(run.Plan)
	return run.Plan, s.counted()
}

// sync plans and applies, shows the report, and tells what the exit code is and means.
func (s *story) sync(code int, meaning string) (*engine.Report, map[string]int) {
	return s.run("secretsync sync", engine.Options{}, code, meaning)
}

// run is a sync that may be limited.
func (s *story) run(line string, o engine.Options, code int, meaning string) (*engine.Report, map[string]int) {
	e := s.command(line)
	if s.err != nil {
		return &engine.Report{}, nil
	}
	run, err := e.Plan(s.ctx, o)
	if err != nil {
		s.must(err)
		return &engine.Report{}, nil
	}
	r := e.Apply(s.ctx, run)
	s.err = s.show.Report(r)
	counts := s.counted()
	got := s.show.Code(r)
	s.claim(got == code, "exit code %d instead of %d", got, code)
	s.text(fmt.Sprintf("Exit code %d: %s.\n", got, meaning))
	return r, counts
}

// fails is a sync that can't even be planned.
func (s *story) fails(meaning string) map[string]int {
	e := s.command("secretsync sync")
	if s.err != nil {
		return nil
	}
	_, err := e.Plan(s.ctx, engine.Options{})
	s.claim(errors.Is(err, engine.ErrNothing), "the run was to be given up, and was not")
	if s.err != nil {
		return nil
	}
	s.text("error: " + strings.ReplaceAll(err.Error(), "\n", "\n  ") + "\n")
	counts := s.counted()
	s.text("Exit code 1: " + meaning + ".\n")
	return counts
}

// verified claims that there are so many copies, and that their values are what their sources make them, by reading both for real.
func (s *story) verified(want int) {
	if s.err != nil {
		return
	}
	e, err := s.world.engine()
	s.must(err)
	if s.err != nil {
		return
	}
	all, err := e.Verify(s.ctx, engine.Options{}, 1000)
	s.must(err)
	equal := 0
	for _, v := range all {
		if v.Result == engine.Equal {
			equal++
		}
	}
	s.claim(equal == want && len(all) == want, "%d copies of %d have the value of their source instead of %d", equal, len(all), want)
}

// writes counts the calls that change something.
func writes(counts map[string]int) int {
	n := 0
	for op, count := range counts {
		switch op {
		case "AssumeRole", "GetCallerIdentity", "ListSecrets", "DescribeSecret", "GetSecretValue", "BatchGetSecretValue", "DescribeKey",
			"DescribeParameters", "GetParameterHistory", "GetParameter", "GetParameters":
		default:
			n += count
		}
	}
	return n
}

// reads counts the values that are asked for, by call.
func reads(counts map[string]int) int {
	return counts["GetSecretValue"] + counts["BatchGetSecretValue"] + counts["GetParameter"] + counts["GetParameters"]
}
