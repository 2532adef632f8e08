package demo

import (
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

const opening = `This is the main job of Secret Sync, start to end, on an AWS in memory: no account, no network, no configuration, and nothing is left behind.

A hub (account 100000000000, us-east-1) holds six secrets. Tags say where each of them goes; the secret secret-sync/config says what a group is:

  app/db       JSON    SecretSync-SyncDestinationGroup=Production
  app/api-key  text    SecretSync-SyncDestinationGroup=Production, SecretSync-NoSyncAccount=222222222222
  tls/key      binary  SecretSync-SyncDestinationGroup=Europe
  dev/token    text    SecretSync-SyncAccount=444444444444
  app/local    text    no tag: it stays at home

  Production = 111111111111 and 222222222222 in us-east-1; Europe = 333333333333 in eu-west-1

No value is ever printed.
`

// copies is how many copies the tags ask for.
const copies = 5

// chapter is one part of the story.
type chapter struct {
	title string
	tell  func(*story)
}

func chapters() []chapter {
	return []chapter{
		{"A plan says what would be copied where, and why", planned},
		{"A sync copies it", copied},
		{"A second run changes nothing", unchanged},
		{"A rotation at the hub spreads", rotated},
		{"Somebody's edit in a spoke is found and mended", mended},
		{"A foreign secret of the same name is refused", refused},
		{"A source that cannot be listed deletes nothing", unlisted},
		{"A part of a secret goes to Parameter Store, under another name", shaped},
		{"An event names a secret, and only that is looked at", followed},
	}
}

func planned(s *story) {
	p, calls := s.plan()
	s.claim(p.Summary.Create == copies && p.Summary.Writes() == copies, "%d copies would be created instead of %d", p.Summary.Create, copies)
	s.claim(writes(calls) == 0, "a plan wrote")
	s.claim(reads(calls) == 1, "a plan read %d values", reads(calls))
	s.text("Nothing was written. Of all values one was read: that of secret-sync/config.\n")
}

func copied(s *story) {
	r, calls := s.sync(0, "every copy is as wanted")
	s.claim(applied(r) == copies && r.Summary.Failed == 0, "%d copies were made instead of %d", applied(r), copies)
	s.claim(calls["CreateSecret"] == copies && writes(calls) == copies, "%d calls wrote instead of %d", writes(calls), copies)
	s.verified(copies)
	s.text("One call a copy: CreateSecret brings the value, the tags and the mark that says whose it is. Read back and compared: all are equal.\n")
}

func unchanged(s *story) {
	r, calls := s.sync(0, "every copy is as wanted")
	s.claim(len(r.Changes) == 0 && r.Summary.Unchanged == copies, "%d changes, %d unchanged", len(r.Changes), r.Summary.Unchanged)
	s.claim(writes(calls) == 0, "%d calls wrote", writes(calls))
	s.claim(reads(calls) == 1, "%d values were read", reads(calls))
	s.text("0 values read (but for the groups), 0 writes: a copy has the version id of its source, so the lists tell that it is up to date.\n")
}

func rotated(s *story) {
	s.text("The hub's app/db gets a new value.\n")
	s.must(s.world.put(s.ctx, hub, "app/db", newPassword))
	r, calls := s.sync(0, "every copy is as wanted")
	s.claim(changed(r, plan.Update, plan.NewVersion, "app/db") == 2 && applied(r) == 2, "%d copies were updated instead of 2", applied(r))
	s.claim(calls["PutSecretValue"] == 2 && writes(calls) == 2, "%d calls wrote instead of 2", writes(calls))
	s.verified(copies)
	s.text("Only what moved was read and written.\n")
}

func mended(s *story) {
	s.text("In 111111111111 somebody overwrites the copy app/api-key.\n")
	s.must(s.world.put(s.ctx, spokeA, "app/api-key", edit))
	r, _ := s.sync(0, "every copy is as wanted")
	s.claim(changed(r, plan.Update, plan.Drifted, "app/api-key") == 1 && applied(r) == 1, "the edit was not found")
	s.verified(copies)
	s.text("The edit was seen without reading a value: AWSCURRENT was on a version that we did not write. (drift: report would have left it, and told.)\n")
}

func refused(s *story) {
	s.text("444444444444 has a secret dev/license of its own. The hub tags one of the same name to go there.\n")
	s.must(s.world.create(s.ctx, spokeD, east, "dev/license", foreign, nil))
	s.must(s.world.create(s.ctx, hub, east, "dev/license", license, map[string]string{plan.TagSyncAccount: spokeD}))
	before := s.world.state(s.ctx, spokeD, east, "dev/license")
	r, calls := s.sync(3, "something was refused; everything else was applied")
	s.claim(changed(r, plan.Refusal, plan.Foreign, "dev/license") == 1, "it was not refused as foreign")
	s.claim(writes(calls) == 0, "%d calls wrote", writes(calls))
	s.claim(before != "" && before == s.world.state(s.ctx, spokeD, east, "dev/license"), "the foreign secret was changed")
	s.text("What does not carry our mark is never overwritten, unless a person says so by name: secretsync sync --adopt dev/license\n")
	s.must(s.world.untag(s.ctx, hub, east, "dev/license", plan.TagSyncAccount))
}

func unlisted(s *story) {
	s.text("The configuration says deletion: delete. Now the hub cannot be listed: to a careless tool, every secret is gone.\n")
	remove := s.world.aws.Faults().Add(awslocal.Fault{Service: "secretsmanager", Operation: "ListSecrets", Account: hub, Code: "AccessDeniedException",
		Message: "injected by the demo: ListSecrets is denied"})
	calls := s.fails("nothing was attempted, because no source could be listed")
	remove()
	s.claim(writes(calls) == 0, "%d calls wrote", writes(calls))
	s.verified(copies)
	s.text("No list, no delete: all copies are where they were.\n\nThe hub can be listed again:\n")
	r, calls := s.sync(0, "every copy is as wanted")
	s.claim(len(r.Changes) == 0 && writes(calls) == 0, "there was something to repair")
}

func shaped(s *story) {
	s.text("The configuration gets one more sync. Of the four keys of app/db it takes two, and renames one:\n\n" + shaping + "\n")
	s.world.settings += shaping
	const name, all = "/app/db/login", copies + 1
	r, _ := s.sync(0, "every copy is as wanted")
	s.claim(changed(r, plan.Create, plan.Missing, name) == 1 && applied(r) == 1, "the parameter was not made")
	s.holds(name, login, 1)
	s.text("222222222222 reads its parameter: the two keys are in it, and nothing else.\n\nThe hub's app/db gets a new value:\n\n")

	s.must(s.world.put(s.ctx, hub, "app/db", moved))
	r, calls := s.sync(0, "every copy is as wanted")
	s.claim(changed(r, plan.Update, plan.NewVersion, name, "app/db") == 3 && applied(r) == 3, "%d copies were updated instead of 3", applied(r))
	s.claim(writes(calls) == 3, "%d calls wrote instead of 3", writes(calls))
	s.holds(name, newLogin, 2)
	s.verified(all)
	s.text("\n")

	r, calls = s.sync(0, "every copy is as wanted")
	s.claim(len(r.Changes) == 0 && r.Summary.Unchanged == all && writes(calls) == 0, "%d changes, %d calls wrote", len(r.Changes), writes(calls))
	s.claim(reads(calls) == 1, "%d values were read", reads(calls))
	s.text("The part follows the whole, and needs no value to be read to tell that it is up to date.\n")
}

func followed(s *story) {
	s.text("A rule of EventBridge puts changes of secrets into a queue. The hub's app/api-key gets a new value, which is this event:\n\n")
	s.must(s.world.put(s.ctx, hub, "app/api-key", newKey))
	said, hints, err := s.world.lastEvent("app/api-key")
	s.must(err)
	s.text("  " + said + "\n\n")
	r, calls := s.run("secretsync sync --event event.json", engine.Options{Hints: hints}, 0, "every copy is as wanted")
	s.claim(changed(r, plan.Update, plan.NewVersion, "app/api-key") == 1 && applied(r) == 1, "%d copies were updated instead of 1", applied(r))
	s.claim(calls["ListSecrets"] == 0 && writes(calls) == 1, "the calls were %v", calls)
	s.verified(copies + 1)
	s.text("Nothing was listed. An event is a hint: what is copied is what the secret holds now, so it may come late, twice, or in any order.\n" +
		"(secretsync serve takes events from the queue by itself, and so does the program as a Lambda function.)\n")
}

// holds claims what a parameter of 222222222222 holds, and how often it was written.
func (s *story) holds(name, value string, writes int64) {
	if s.err != nil {
		return
	}
	got, version, err := s.world.parameter(s.ctx, spokeB, east, name)
	s.must(err)
	s.claim(got == value, "the parameter %s does not hold what it should", name)
	s.claim(version == writes, "the parameter %s was written %d times instead of %d", name, version, writes)
}

// closing sums the story up.
func (s *story) closing() string {
	total, read, wrote := 0, 0, 0
	for _, step := range s.steps {
		for _, n := range step.Calls {
			total += n
		}
		read += reads(step.Calls)
		wrote += writes(step.Calls)
	}
	return fmt.Sprintf("Shown and checked: %d steps, %d copies in 4 accounts and 2 Regions, %d API calls (%d read values, %d wrote). Nothing is left behind.\n"+
		"Next: secretsync init writes a configuration for your own account; secretsync plan touches nothing.\n", len(s.steps), copies+1, total, read, wrote)
}

// applied counts the changes that were made.
func applied(r *engine.Report) int {
	n := 0
	for i := range r.Changes {
		if r.Changes[i].Outcome == engine.Applied {
			n++
		}
	}
	return n
}

// changed counts the changes of one kind to the copies of some names.
func changed(r *engine.Report, action plan.Action, reason plan.Reason, names ...string) int {
	n := 0
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Action == action && c.Reason == reason && slices.Contains(names, string(c.Name)) {
			n++
		}
	}
	return n
}
