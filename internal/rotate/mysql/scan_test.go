package mysql

import (
	"errors"
	"slices"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

func TestUsersAreReadAsServersDescribeThem(t *testing.T) {
	const tail = "REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
	for in, want := range map[string]definition{
		"CREATE USER `a`@`%`":                                         {plugins: []string{pluginNative}},
		"CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*ABC'":           {plugins: []string{pluginNative}},
		"CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*A' REQUIRE SSL": {plugins: []string{pluginNative}, options: "REQUIRE SSL"},
		"CREATE USER `a b`@`1.2.%` IDENTIFIED VIA ed25519 USING 'x' OR unix_socket REQUIRE ISSUER '/CN=IDENTIFIED' WITH MAX_USER_CONNECTIONS 3": {
			plugins: []string{"ed25519", "unix_socket"}, options: "REQUIRE ISSUER '/CN=IDENTIFIED' WITH MAX_USER_CONNECTIONS 3",
		},
		"CREATE USER `a`@`%` IDENTIFIED VIA unix_socket OR mysql_native_password USING '*A' PASSWORD EXPIRE": {plugins: []string{"unix_socket", "mysql_native_password"}},
		"CREATE USER `DEFAULT``ROLE`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x24412430 " + tail:      {plugins: []string{pluginSHA2}, options: tail},
		"CREATE USER 'a'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$\x01\\' '' \\0 DEFAULT ROLE' DEFAULT ROLE `r`@`%`,`s`@`%` " + tail: {
			plugins: []string{pluginSHA2}, roles: "`r`@`%`,`s`@`%`", options: tail,
		},
		"CREATE USER `a`@`%` IDENTIFIED WITH 'sha256_password' REQUIRE SSL PASSWORD EXPIRE ACCOUNT LOCK PASSWORD HISTORY 5 ATTRIBUTE '{\"x\": \"PASSWORD EXPIRE\"}'": {
			plugins: []string{"sha256_password"}, options: "REQUIRE SSL  ACCOUNT LOCK PASSWORD HISTORY 5 ATTRIBUTE '{\"x\": \"PASSWORD EXPIRE\"}'",
		},
	} {
		got, err := parseDefinition(in)
		if err != nil || !slices.Equal(got.plugins, want.plugins) || got.roles != want.roles || got.options != want.options {
			t.Errorf("%s\ngot  %q\nwant %q, error %v", in, got, want, err)
		}
	}
	for _, in := range []string{"", "CREATE", "CREATE USER `a`", "CREATE ROLE r", "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'x' AND IDENTIFIED WITH 'authentication_ldap_sasl'"} {
		if _, err := parseDefinition(in); !errors.Is(err, rotate.ErrForm) {
			t.Errorf("%s: got the error %v", in, err)
		}
	}
}

func TestRightsAreGivenToAnotherAccountAndToNobodyElse(t *testing.T) {
	of, to := account{"a`'b", "10.%"}, account{`a'\_clone`, "10.%"}
	const name, clone = "`a``'b`@`10.%`", `'a\'\\_clone'@'10.%'`
	for in, want := range map[string]string{
		"GRANT USAGE ON *.* TO " + name:                                                       "GRANT USAGE ON *.* TO " + clone,
		"GRANT USAGE ON *.* TO " + name + " IDENTIFIED BY PASSWORD '*GRANT OPTION'":           "GRANT USAGE ON *.* TO " + clone,
		"GRANT SELECT ON *.* TO " + name + " REQUIRE SSL WITH GRANT OPTION MAX_X 3":           "GRANT SELECT ON *.* TO " + clone + " WITH GRANT OPTION",
		"GRANT SELECT (`x`, `TO`), INSERT ON `TO`.`a TO b` TO " + name + " WITH GRANT OPTION": "GRANT SELECT (`x`, `TO`), INSERT ON `TO`.`a TO b` TO " + clone + " WITH GRANT OPTION",
		"GRANT `r`@`%`,`s`@`%` TO " + name + " WITH ADMIN OPTION":                             "GRANT `r`@`%`,`s`@`%` TO " + clone + " WITH ADMIN OPTION",
		"GRANT PROXY ON ''@'%' TO 'a`''b'@'10.%' WITH GRANT OPTION":                           "GRANT PROXY ON ''@'%' TO " + clone + " WITH GRANT OPTION",
		"REVOKE INSERT ON `mysql`.* FROM " + name:                                             "REVOKE INSERT ON `mysql`.* FROM " + clone,
		"SET DEFAULT ROLE `r` FOR " + name:                                                    "SET DEFAULT ROLE `r` FOR " + clone,
		"GRANT EXECUTE ON PROCEDURE `d`.`p` TO " + name:                                       "GRANT EXECUTE ON PROCEDURE `d`.`p` TO " + clone,
		"GRANT BACKUP_ADMIN,ROLE_ADMIN ON *.* TO " + name:                                     "GRANT BACKUP_ADMIN,ROLE_ADMIN ON *.* TO " + clone,
		"GRANT SELECT ON `d`.* TO `a``'b`@`%`":                                                "",
		"GRANT SELECT ON `d`.* TO `role`":                                                     "",
		"GRANT USAGE ON *.* TO PUBLIC":                                                        "",
	} {
		if got, err := regrant(in, of, to); err != nil || got != want {
			t.Errorf("%s\ngot  %s\nwant %s, error %v", in, got, want, err)
		}
	}
	if _, err := regrant("something new", of, to); !errors.Is(err, rotate.ErrForm) {
		t.Errorf("got the error %v", err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("CREATE USER `a`@'b\\''")
	f.Fuzz(func(t *testing.T, in string) {
		last := 0
		for _, k := range scan(in) {
			if k.start < last || k.end > len(in) || k.end <= k.start {
				t.Fatalf("%q: a token from %d to %d", in, k.start, k.end)
			}
			last = k.end
		}
		_, _ = parseDefinition(in)
		_, _ = regrant(in, account{"a", "b"}, account{"c", "d"})
	})
}

func TestALiteralIsReadBackAsItWas(t *testing.T) {
	for _, in := range []string{"", "a'b", `a\`, `\'`, "\x00\n\r\x1a%_\"`", "é🔑"} {
		if got := scan(literal(in)); len(got) != 1 || got[0].text != in {
			t.Errorf("%q: got %v", in, got)
		}
	}
}
