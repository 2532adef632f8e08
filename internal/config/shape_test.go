package config

import (
	"strings"
	"testing"
)

func TestEveryChangeOfANameOrAValueIsAnotherDigest(t *testing.T) {
	file := func(to, value string) string {
		return "version: 1\nstores:\n  hub: {type: aws-secrets-manager}\n  dr: {type: aws-secrets-manager, region: eu-west-1}\n" +
			"syncs: [{name: s, from: hub, select: {prefix: [a/]}" + value + ", to: [{store: dr" + to + "}]}]\n"
	}
	seen := map[string]string{}
	for _, text := range []string{
		file("", ""), file(`, name: "x/{{ .Base }}"`, ""), file(`, name: "y/{{ .Base }}"`, ""), file("", `, value: {template: "{{ .Text }}"}`),
		file("", `, value: {template: "{{.Text}}"}`), file("", `, value: {keys: {include: [a, b]}}`), file("", `, value: {keys: {include: [a]}}`),
		file("", `, value: {keys: {exclude: [a]}}`), file("", `, value: {keys: {rename: {a: b}}}`), file("", `, value: {keys: {rename: {b: a}}}`),
		file("", `, value: {split: [a]}`), file(", name: all", `, value: {merge: "{{ .Base }}"}`), file(", name: all", `, value: {merge: "{{ .Name }}"}`),
	} {
		digest := mustParse(t, text).Digest
		if other, ok := seen[digest]; ok {
			t.Errorf("the same digest:\n%s%s", text, other)
		}
		seen[digest] = text
	}
	if a, b := mustParse(t, file("", `, value: {split: [a]}`)), mustParse(t, file(`, value: {split: [a]}`, "")); a.Digest != b.Digest {
		t.Error("a value of the sync and the same of its only destination differ")
	}
}

func TestADestinationsOwnValueReplacesTheSyncs(t *testing.T) {
	f := mustParse(t, strings.ReplaceAll(`version: 1
stores: {hub: {type: aws-secrets-manager}, dr: {type: aws-secrets-manager, region: eu-west-1}}
syncs:
  - name: s
    from: hub
    select: {prefix: [a/]}
    to: [{store: dr}, {store: dr, value: {split: [k]}}, {store: dr, value: {template: "x\n\ty"}}]
    value: {keys: {include: [a]}}
`, "\t", "  "))
	to := f.Rules[0].To
	switch {
	case len(to[0].Shape.Include) != 1 || to[0].Name != "":
		t.Errorf("the sync's: %+v", to[0])
	case len(to[1].Shape.Include) != 0 || len(to[1].Shape.Split) != 1 || to[1].Name != "{{ .Name }}/{{ .Key }}":
		t.Errorf("a split: %+v", to[1])
	case len(to[2].Shape.Include) != 0 || to[2].Shape.Template == "" || to[2].Name != "":
		t.Errorf("a template: %+v", to[2])
	}
}
