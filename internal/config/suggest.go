package config

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean returns `: did you mean "x"?` for the nearest of the known names, or what there is, or nothing.
func didYouMean[S ~string](name string, known []S) string {
	best, distance := "", 1+max(1, min(3, len(name)/3))
	sorted := slices.Clone(known)
	slices.Sort(sorted)
	for _, k := range sorted {
		if d := edits(strings.ToLower(name), strings.ToLower(string(k))); d < distance {
			best, distance = string(k), d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(": did you mean %q?", best)
	case len(sorted) == 0:
		return ""
	}
	quoted := make([]string, 0, len(sorted))
	for i, k := range sorted {
		if i == 12 {
			quoted = append(quoted, "…")
			break
		}
		quoted = append(quoted, string(k))
	}
	return ": there is " + strings.Join(quoted, ", ")
}

// edits counts the insertions, deletions, replacements and swaps of neighbours that lead from a to b.
func edits(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return max(len(s), len(t))
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			same := 1
			if s[i-1] == t[j-1] {
				same = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+same)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}
