package plan

import "strings"

// Match reports whether name matches the glob pattern: "*" is any run of characters but "/", "**" any run at all, "?" one character but "/". Every other
// character is itself. "**/" also stands for nothing, so that "**/tmp-*" is every tmp-* at any depth.
func Match(pattern, name string) bool {
	for pattern != "" {
		switch {
		case strings.HasPrefix(pattern, "**/") && Match(pattern[3:], name):
			return true
		case strings.HasPrefix(pattern, "**"):
			rest := strings.TrimLeft(pattern, "*")
			for i := 0; i <= len(name); i++ {
				if Match(rest, name[i:]) {
					return true
				}
			}
			return false
		case pattern[0] == '*':
			rest := pattern[1:]
			for i := 0; i <= len(name); i++ {
				if Match(rest, name[i:]) {
					return true
				}
				if i < len(name) && name[i] == '/' {
					return false
				}
			}
			return false
		case name == "":
			return false
		case pattern[0] == '?' && name[0] != '/', pattern[0] == name[0]:
			pattern, name = pattern[1:], name[1:]
		default:
			return false
		}
	}
	return name == ""
}

// MatchAny reports whether any of the patterns matches.
func MatchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if Match(p, name) {
			return true
		}
	}
	return false
}
