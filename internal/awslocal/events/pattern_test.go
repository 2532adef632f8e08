package events

import (
	"strings"
	"testing"
)

func TestPatternsMeanWhatEventBridgeDocuments(t *testing.T) {
	const event = `{"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "account": "111111111111", "resources": ["arn:one", "arn:two"], "empty": [],
		"detail": {"name": "app/db", "labelUpdated": "AWSCURRENT", "count": 7, "ratio": 0.5, "on": true, "none": null, "text": "a*b",
		"tags": [{"key": "team", "value": "blue"}, {"key": "dr", "value": "true"}]}}`
	for pattern, want := range map[string]bool{
		`{"source": ["aws.secretsmanager"]}`:                                                 true,
		`{"source": ["aws.ssm", "aws.secretsmanager"]}`:                                      true,
		`{"source": ["aws.ssm"]}`:                                                            false,
		`{"source": ["aws.secretsmanager"], "detail": {"name": ["app/db"]}}`:                 true,
		`{"source": ["aws.secretsmanager"], "detail": {"name": ["app/x"]}}`:                  false,
		`{"detail": {"name": ["app/db"], "labelUpdated": ["other"]}}`:                        false,
		`{"resources": ["arn:two"]}`:                                                         true,
		`{"resources": ["arn:three"]}`:                                                       false,
		`{"detail": {"count": [7]}}`:                                                         true,
		`{"detail": {"count": ["7"]}}`:                                                       false,
		`{"detail": {"on": [true], "none": [null]}}`:                                         true,
		`{"detail": {"none": [false]}}`:                                                      false,
		`{"detail": {"name": [{"prefix": "app/"}]}}`:                                         true,
		`{"detail": {"name": [{"prefix": "APP/"}]}}`:                                         false,
		`{"detail": {"name": [{"prefix": {"equals-ignore-case": "APP/"}}]}}`:                 true,
		`{"detail": {"count": [{"prefix": "7"}]}}`:                                           false,
		`{"detail": {"name": [{"suffix": "/db"}]}}`:                                          true,
		`{"detail": {"name": [{"suffix": {"equals-ignore-case": "/DB"}}]}}`:                  true,
		`{"detail": {"name": [{"suffix": "/x"}]}}`:                                           false,
		`{"detail": {"name": [{"equals-ignore-case": "APP/DB"}]}}`:                           true,
		`{"detail": {"name": [{"equals-ignore-case": "APP"}]}}`:                              false,
		`{"detail": {"name": [{"wildcard": "a*/*b"}]}}`:                                      true,
		`{"detail": {"name": [{"wildcard": "*x*"}]}}`:                                        false,
		`{"detail": {"name": [{"wildcard": "app/db*db"}]}}`:                                  false,
		`{"detail": {"text": [{"wildcard": "a\\*b"}]}}`:                                      true,
		`{"detail": {"name": [{"wildcard": "app\\*db"}]}}`:                                   false,
		`{"detail": {"name": [{"anything-but": "app/x"}]}}`:                                  true,
		`{"detail": {"name": [{"anything-but": ["app/x", "app/db"]}]}}`:                      false,
		`{"detail": {"name": [{"anything-but": {"prefix": "app/"}}]}}`:                       false,
		`{"detail": {"name": [{"anything-but": {"prefix": ["x/", "y/"]}}]}}`:                 true,
		`{"detail": {"name": [{"anything-but": {"wildcard": "*/db"}}]}}`:                     false,
		`{"detail": {"count": [{"anything-but": [7, 8]}]}}`:                                  false,
		`{"detail": {"missing": [{"anything-but": "x"}]}}`:                                   false,
		`{"detail": {"errorCode": [{"exists": false}]}}`:                                     true,
		`{"detail": {"name": [{"exists": false}]}}`:                                          false,
		`{"detail": {"name": [{"exists": true}]}}`:                                           true,
		`{"detail": {"none": [{"exists": true}]}}`:                                           true,
		`{"detail": {"errorCode": [{"exists": true}]}}`:                                      false,
		`{"other": {"deep": {"er": [{"exists": false}]}}}`:                                   true,
		`{"empty": [{"exists": false}]}`:                                                     true,
		`{"detail": {"count": [{"numeric": ["=", 7]}]}}`:                                     true,
		`{"detail": {"count": [{"numeric": [">", 0, "<=", 7]}]}}`:                            true,
		`{"detail": {"count": [{"numeric": [">", 7, "<=", 9]}]}}`:                            false,
		`{"detail": {"ratio": [{"numeric": ["<", 0.6]}]}}`:                                   true,
		`{"detail": {"name": [{"numeric": ["<", 1]}]}}`:                                      false,
		`{"$or": [{"source": ["aws.ssm"]}, {"detail": {"name": ["app/db"]}}]}`:               true,
		`{"$or": [{"source": ["aws.ssm"]}, {"detail": {"name": ["x"]}}]}`:                    false,
		`{"account": ["2"], "$or": [{"source": ["aws.secretsmanager"]}, {"source": ["x"]}]}`: false,
		`{"detail": {"$or": [{"name": ["x"]}, {"count": [7]}]}}`:                             true,
		`{"detail": {"tags": {"key": ["dr"], "value": ["true"]}}}`:                           true,
		`{"detail": {"tags": {"key": ["team"], "value": ["true"]}}}`:                         false,
		`{"detail": [{"exists": true}]}`:                                                     false,
		`{"source": {"x": ["y"]}}`:                                                           false,
	} {
		p, err := ParsePattern([]byte(pattern))
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var e map[string]any
		if err := decodeJSON([]byte(event), &e); err != nil {
			t.Fatal(err)
		}
		if got := p.Matches(e); got != want {
			t.Errorf("%s: %t", pattern, got)
		}
	}
}

func TestPatternsThatAreNoneAreRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		`{`: "not JSON", `{} {}`: "not JSON", `[]`: "not an object", `{}`: "empty objects", `{"a": {}}`: "empty objects", `{"a": []}`: "empty arrays",
		`{"a": "x"}`: `"a" must be an object or an array`, `{"a": [["x"]]}`: "array in an array", `{"a": [{}]}`: "exactly one key",
		`{"a": [{"prefix": "x", "suffix": "y"}]}`: "exactly one key", `{"a": [{"prefix": 1}]}`: `"prefix" must be a text`,
		`{"a": [{"cidr": "10.0.0.0/8"}]}`: `unrecognized match type "cidr"`, `{"a": [{"exists": "x"}]}`: "true or false",
		`{"a": [{"numeric": [">"]}]}`: "comparison", `{"a": [{"numeric": ["", 1, "", 2]}]}`: "comparison", `{"a": [{"numeric": ["<", 1, ">", 2]}]}`: "comparison",
		`{"a": [{"numeric": ["~", 1]}]}`: "comparison", `{"a": [{"numeric": [">", 6e9]}]}`: "numbers between", `{"a": [{"wildcard": "a**b"}]}`: "consecutive",
		`{"a": [{"wildcard": "a\\b"}]}`: "backslash", `{"a": [{"anything-but": []}]}`: "must not be empty", `{"a": [{"anything-but": [true]}]}`: "takes texts",
		`{"$or": [{"a": ["x"]}]}`: "at least two", `{"$or": {"a": ["x"]}}`: "at least two", `{"$or": [1, 2]}`: "at least two",
	} {
		if _, err := ParsePattern([]byte(pattern)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", pattern, err, want)
		}
	}
}
