//go:build !unix

package cli

// noCoreDumps does nothing: this system writes no core files.
func noCoreDumps() {}
