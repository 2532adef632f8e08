package secretsmanager

import (
	"strings"
	"testing"
)

// The sequences here were played against AWS itself; what it answered is what is wanted.

type step struct {
	put   []string // labels that are asked for; with an update, none
	as    int      // the version that is written
	label string   // or the label that is moved,
	from  int      // from that version
	to    int      // to that one; zero is none
	want  string   // all labelled versions after it
	value string   // what the secret's default value is then
}

func TestLabelsMoveAsTheyDoOnAWS(t *testing.T) {
	put := func(n int, want, value string, labels ...string) step {
		return step{put: labels, as: n, want: want, value: value}
	}
	move := func(label string, from, to int, want, value string) step {
		return step{label: label, from: from, to: to, want: want, value: value}
	}
	for name, steps := range map[string][]step{
		"with version stages": {
			put(2, "1:AWSCURRENT 2:SAMPLESTAGE0,SAMPLESTAGE1", "S1", "SAMPLESTAGE1", "SAMPLESTAGE0"),
			put(3, "1:AWSCURRENT 3:SAMPLESTAGE0,SAMPLESTAGE1", "S1", "SAMPLESTAGE1", "SAMPLESTAGE0"),
			put(4, "1:AWSCURRENT 3:SAMPLESTAGE0,SAMPLESTAGE1 4:AWSPENDING", "S1", "AWSPENDING"),
			put(5, "1:AWSPREVIOUS 3:SAMPLESTAGE0,SAMPLESTAGE1 4:AWSPENDING 5:AWSCURRENT", "S5"),
		},
		"current and pending": {
			put(2, "1:AWSCURRENT 2:AWSPENDING", "S1", "AWSPENDING"),
			move("AWSCURRENT", 1, 2, "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING", "S2"),
			put(3, "2:AWSPREVIOUS 3:AWSCURRENT", "S3", "AWSCURRENT"),
		},
		"a cycle of current and pending": {
			put(2, "1:AWSCURRENT 2:AWSPENDING", "S1", "AWSPENDING"),
			move("AWSCURRENT", 1, 2, "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING", "S2"),
			put(3, "1:AWSPREVIOUS 2:AWSCURRENT 3:AWSPENDING", "S2", "AWSPENDING"),
			move("AWSCURRENT", 2, 3, "2:AWSPREVIOUS 3:AWSCURRENT,AWSPENDING", "S3"),
		},
		"a cycle with labels of our own on the pending version": {
			put(2, "1:AWSCURRENT 2:AWSPENDING,AWSSOMETHING,PUT1", "S1", "AWSPENDING", "PUT1", "AWSSOMETHING"),
			move("AWSCURRENT", 1, 2, "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING,AWSSOMETHING,PUT1", "S2"),
			put(3, "1:AWSPREVIOUS 2:AWSCURRENT,AWSSOMETHING,PUT1 3:AWSPENDING,PUT2", "S2", "AWSPENDING", "PUT2"),
			move("AWSCURRENT", 2, 3, "2:AWSPREVIOUS,AWSSOMETHING,PUT1 3:AWSCURRENT,AWSPENDING,PUT2", "S3"),
		},
		"a cycle with labels of our own on the current version": {
			put(2, "1:AWSPREVIOUS 2:AWSCURRENT,PUT0", "S2", "AWSCURRENT", "PUT0"),
			put(3, "1:AWSPREVIOUS 2:AWSCURRENT,PUT0 3:AWSPENDING,PUT1", "S2", "AWSPENDING", "PUT1"),
			move("AWSCURRENT", 2, 3, "2:AWSPREVIOUS,PUT0 3:AWSCURRENT,AWSPENDING,PUT1", "S3"),
			put(4, "2:AWSPREVIOUS,PUT0 3:AWSCURRENT,PUT1 4:AWSPENDING,PUT2", "S3", "AWSPENDING", "PUT2"),
			move("AWSCURRENT", 3, 4, "2:PUT0 3:AWSPREVIOUS,PUT1 4:AWSCURRENT,AWSPENDING,PUT2", "S4"),
		},
		"a label of our own is taken off": {
			put(2, "1:AWSCURRENT 2:PENDING", "S1", "PENDING"),
			move("AWSCURRENT", 1, 2, "1:AWSPREVIOUS 2:AWSCURRENT,PENDING", "S2"),
			move("PENDING", 2, 0, "1:AWSPREVIOUS 2:AWSCURRENT", "S2"),
		},
		"labels of our own all move": {
			put(2, "1:AWSCURRENT 2:one,three,two", "S1", "one", "two", "three"),
			put(3, "1:AWSCURRENT 3:four,one,three,two", "S1", "one", "two", "three", "four"),
		},
		"labels of our own move in part": {
			put(2, "1:AWSCURRENT 2:one,three,two", "S1", "one", "two", "three"),
			put(3, "1:AWSCURRENT 2:three 3:four,one,two", "S1", "one", "two", "four"),
		},
		"writing without labels": {
			put(2, "1:AWSPREVIOUS 2:AWSCURRENT", "S2"),
			put(3, "2:AWSPREVIOUS 3:AWSCURRENT", "S3"),
			put(4, "3:AWSPREVIOUS 4:AWSCURRENT", "S4"),
		},
		"rolling back": {
			put(2, "1:AWSPREVIOUS 2:AWSCURRENT", "S2"),
			move("AWSCURRENT", 2, 1, "1:AWSCURRENT 2:AWSPREVIOUS", "S1"),
			put(3, "1:AWSPREVIOUS 3:AWSCURRENT", "S3"),
		},
		"a deprecated version is labelled again": {
			put(2, "1:AWSPREVIOUS 2:AWSCURRENT", "S2"),
			put(3, "2:AWSPREVIOUS 3:AWSCURRENT", "S3"),
			move("old", 0, 1, "1:old 2:AWSPREVIOUS 3:AWSCURRENT", "S3"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create("s", "S1")
			for i, s := range steps {
				if s.label == "" {
					got := w.put("s", s.as, "S"+string(rune('0'+s.as)), s.put...)
					equal(t, "labels that the write answered", strings.Join(got, ","), labelsOf(s.want, s.as))
				} else {
					p := in{"SecretId": "s", "VersionStage": s.label}
					if s.from > 0 {
						p["RemoveFromVersionId"] = v(s.from)
					}
					if s.to > 0 {
						p["MoveToVersionId"] = v(s.to)
					}
					w.shape("move", w.do("UpdateSecretVersionStage", p), `{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s"}`)
				}
				if got := w.stages("s", false); got != s.want {
					t.Fatalf("step %d:\n got %s\nwant %s", i, got, s.want)
				}
				equal(t, "default value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any(s.value))
			}
		})
	}
}

// labelsOf returns the labels of one version in the text of all.
func labelsOf(all string, n int) string {
	for _, e := range strings.Fields(all) {
		if rest, ok := strings.CutPrefix(e, string(rune('0'+n))+":"); ok {
			return rest
		}
	}
	return ""
}

func TestDeprecatedVersionsAreShownOnlyWhereTheyAreAskedFor(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	for n := 2; n <= 4; n++ {
		w.put("s", n, "S")
	}
	equal(t, "labelled", w.stages("s", false), "3:AWSPREVIOUS 4:AWSCURRENT")
	equal(t, "all", w.stages("s", true), "1: 2: 3:AWSPREVIOUS 4:AWSCURRENT")
	entry := w.do("ListSecretVersionIds", in{"SecretId": "s", "IncludeDeprecated": true})["Versions"].([]any)[0].(map[string]any)
	if _, there := entry["VersionStages"]; there {
		t.Fatal("a deprecated version has VersionStages")
	}
	stages := w.do("DescribeSecret", in{"SecretId": "s"})["VersionIdsToStages"].(map[string]any)
	if len(stages) != 2 {
		t.Fatalf("DescribeSecret shows %d versions, want 2", len(stages))
	}
}

func TestTheFirstVersionOfAnEmptySecretIsCurrentWhateverIsAsked(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "ClientRequestToken": v(9)})
	equal(t, "labels", w.put("s", 1, "S1", "mine"), []string{"AWSCURRENT", "mine"})
}

func TestASecretHasTwentyLabelsAtMost(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	var many []string
	for c := 'a'; c < 'a'+19; c++ {
		many = append(many, string(c))
	}
	w.put("s", 2, "S2", many...)
	w.fails("PutSecretValue", in{"SecretId": "s", "SecretString": "x", "ClientRequestToken": v(3), "VersionStages": []string{"one more"}}, "LimitExceededException", "")
	w.fails("PutSecretValue", in{"SecretId": "s", "SecretString": "x", "ClientRequestToken": v(3)}, "LimitExceededException", "")
	w.fails("UpdateSecretVersionStage", in{"SecretId": "s", "VersionStage": "z", "MoveToVersionId": v(1)}, "LimitExceededException", "")
	equal(t, "versions", len(strings.Fields(w.stages("s", true))), 2)
}

func TestMovingALabelFollowsTheRules(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	w.put("s", 2, "S2")
	w.put("s", 3, "S3", "mine")
	move := func(label string, from, to int) in {
		p := in{"SecretId": "s", "VersionStage": label}
		if from > 0 {
			p["RemoveFromVersionId"] = v(from)
		}
		if to > 0 {
			p["MoveToVersionId"] = v(to)
		}
		return p
	}
	for _, c := range []struct {
		label    string
		from, to int
		text     string
	}{
		{"AWSCURRENT", 0, 1, "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version " + v(2) +
			", so you must explicitly reference that version in RemoveFromVersionId."},
		{"mine", 0, 1, "The parameter RemoveFromVersionId can't be empty. Staging label mine is currently attached to version " + v(3) +
			", so you must explicitly reference that version in RemoveFromVersionId."},
		{"AWSCURRENT", 2, 0, "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed."},
		{"AWSCURRENT", 1, 3, ""},
		{"mine", 1, 0, ""},
		{"AWSCURRENT", 9, 1, "Not a valid version: " + v(9)},
		{"AWSCURRENT", 2, 9, "Not a valid version: " + v(9)},
		{"mine", 0, 0, ""},
		{"nobody's", 1, 2, ""},
	} {
		w.fails("UpdateSecretVersionStage", move(c.label, c.from, c.to), "InvalidParameterException", c.text)
	}
	equal(t, "labels after refusals", w.stages("s", false), "1:AWSPREVIOUS 2:AWSCURRENT 3:mine")
	w.do("UpdateSecretVersionStage", move("AWSCURRENT", 0, 2))
	equal(t, "labels after moving it where it is", w.stages("s", false), "1:AWSPREVIOUS 2:AWSCURRENT 3:mine")
}
