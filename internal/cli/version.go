package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says which program this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Time     string `json:"time"`     // of the commit
	Modified bool   `json:"modified"` // the source differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildOf reads what the build says of itself. version, where it is not empty, is what the release is called.
func buildOf(version string) build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Prints the version, the commit and the Go version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := buildOf(a.version)
			if a.json() {
				return a.printJSON(b)
			}
			page := a.newPage()
			page.linef("secretsync %s", b.Version)
			if b.Commit != "" {
				modified := ""
				if b.Modified {
					modified = ", modified"
				}
				page.linef("commit %s (%s%s)", b.Commit, b.Time, modified)
			}
			page.linef("%s %s", b.Go, b.Platform)
			return a.print(page.String())
		},
	}
}
