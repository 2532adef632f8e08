package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/plan"
)

func TestGroupsOfASecretAreReadAndNeverQuoted(t *testing.T) {
	readCases(t, "testdata/groups.txt").run(t, func(t *testing.T, c *textCase) string {
		groups, warnings, err := ParseGroups([]byte(strings.TrimSuffix(c.input, "\n")))
		for _, message := range append(warnings, errorText(err)) {
			if strings.Contains(message, "HIDDEN") {
				t.Errorf("a message quotes the secret's value: %s", message)
			}
		}
		var out strings.Builder
		if err != nil {
			if groups != nil || warnings != nil {
				t.Error("an error came with groups")
			}
			out.WriteString("error: " + err.Error() + "\n")
		} else {
			data, err := json.MarshalIndent(groups, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			out.Write(append(data, '\n'))
		}
		for _, w := range warnings {
			out.WriteString("warning: " + w + "\n")
		}
		return out.String()
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAnAccountWrittenAsANumberIsNeverAnAccount(t *testing.T) {
	groups, warnings, err := ParseGroups([]byte(`{"Version": "1.0", "AccountGroups": {"G": [111111111111, 1.11111111111e11]}}`))
	if err != nil {
		t.Fatal(err)
	}
	accounts := groups[plan.GroupName("G")].Accounts
	if len(accounts) != 2 || accounts[0] != "entry 1 of group G" || accounts[1] != "entry 2 of group G" || accounts[0].Valid() {
		t.Errorf("accounts %q", accounts)
	}
	if len(warnings) != 2 {
		t.Errorf("warnings %q", warnings)
	}
}

// TestNoPlaceOfTheGroupsIsQuoted puts a canary in the place of everything that is no name of a group.
func TestNoPlaceOfTheGroupsIsQuoted(t *testing.T) {
	const digits = "98765432109876"
	for _, form := range []string{`"` + canary + `"`, digits, `["` + canary + `"]`, `[` + digits + `]`, `{"` + canary + `": "` + canary + `"}`, `{"Accounts": ["` + canary + `", ` + digits + `], "` + canary + `": 1}`,
		`{"Accounts": "` + canary + `"}`, `{"Accounts": [], "Region": "` + canary + `"}`, `[["` + canary + `"]]`, canary} {
		for _, text := range []string{
			`{"Version": "1.0", "AccountGroups": {"G": ` + form + `}}`, `{"Version": "1.0", "AccountGroups": ` + form + `}`, `{"Version": ` + form + `, "AccountGroups": {}}`, form,
			`{"Version": "1.0", "AccountGroups": {}, "DeleteSync": ` + form + `, "x": ` + form + `}`, `{"Version": "1.0", "AccountGroups": {"` + canary + `": "` + canary + `"}}`,
			`{"Version": "1.0", "AccountGroups": {"` + canary + `": {"Region": 1}}}`, `{"Version": "1.0", "AccountGroups": {"` + canary + `": [{}]}}`,
		} {
			groups, warnings, err := ParseGroups([]byte(text))
			if len(groups) == 1 && groups["G"].Accounts == nil && strings.Contains(text, `"Accounts": [`) && !strings.Contains(text, `"G"`) {
				continue // it is the group Accounts, whose name may be shown
			}
			shown := strings.Join(warnings, "\n") + errorText(err)
			for _, g := range groups {
				for _, a := range g.Accounts {
					shown += string(a)
				}
			}
			if _, named := groups[canary]; !named && (strings.Contains(shown, canary) || strings.Contains(shown, digits)) {
				t.Errorf("%s is quoted: %s", text, shown)
			}
		}
	}
}

func TestGroupsLargerThanASecretAreRefused(t *testing.T) {
	if _, _, err := ParseGroups(make([]byte, maxGroupsBytes+1)); err == nil {
		t.Error("accepted")
	}
}
