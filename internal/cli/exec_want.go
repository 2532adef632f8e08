package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// want is one NAME of `exec`: a secret, and what becomes of it in the environment.
//
//	NAME              members of an object under their own names, else one variable named after the secret   (none set)
//	PREFIX*=NAME      members of an object, with a prefix that may be empty                                  spread
//	VAR=NAME          the whole value                                                                        variable
//	NAME#MEMBER       one member under its own name                                                          member
//	VAR=NAME#MEMBER   one member                                                                             variable, member
type want struct {
	secret   secret.Name
	variable string
	member   string
	prefix   string
	spread   bool
}

// target matches what stands before the first "=": a variable, or the prefix of several.
var target = regexp.MustCompile(`^(?:([A-Za-z_][A-Za-z0-9_]*)|((?:[A-Za-z_][A-Za-z0-9_]*)?)\*)=`)

// parseWants reads the NAMEs. The error joins everything that is wrong.
func parseWants(args []string) ([]want, error) {
	all := make([]want, len(args))
	var errs []error
	for i, arg := range args {
		var err error
		if all[i], err = parseWant(arg); err != nil {
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

func parseWant(arg string) (want, error) {
	var w want
	name := arg
	if m := target.FindStringSubmatch(arg); m != nil {
		w.variable, w.prefix, w.spread = m[1], m[2], m[1] == ""
		name = arg[len(m[0]):]
	}
	picks := false
	if i := strings.LastIndexByte(name, '#'); i >= 0 {
		name, w.member, picks = name[:i], name[i+1:], true
	}
	w.secret = secret.Name(name)
	switch {
	case name == "":
		return w, fmt.Errorf("%q has no name of a secret: want NAME, VAR=NAME, NAME#MEMBER, VAR=NAME#MEMBER or 'PREFIX_*=NAME'", arg)
	case picks && w.member == "":
		return w, fmt.Errorf("%q has no member after #", arg)
	case picks && w.spread:
		return w, fmt.Errorf("%q asks for one member and for all: want VAR=NAME#MEMBER, or 'PREFIX_*=NAME'", arg)
	}
	return w, nil
}

// namesOf returns the secrets that are wanted, each once.
func namesOf(wants []want) []secret.Name {
	var all []secret.Name
	for _, w := range wants {
		if !slices.Contains(all, w.secret) {
			all = append(all, w.secret)
		}
	}
	return all
}

// chooseStore returns the store that is meant: the named one, else the one that every sync reads. A store that is opened once per account can't be read.
func chooseStore(f *config.File, stores map[secret.StoreName]store.Store, named secret.StoreName) (secret.StoreName, error) {
	var readable, read []secret.StoreName
	for _, s := range f.Stores {
		if _, one := stores[s.Name].Fixed(); one {
			readable = append(readable, s.Name)
		}
	}
	for i := range f.Rules {
		if from := f.Rules[i].From; !slices.Contains(read, from) {
			read = append(read, from)
		}
	}
	choice := "these can be read: " + listed(readable)
	switch {
	case named == "" && len(read) == 1:
		return read[0], nil
	case named == "":
		return "", fmt.Errorf("the syncs read several stores: say which one is meant with --store; %s", choice)
	case stores[named] == nil:
		return "", fmt.Errorf("--store %q: the configuration has no such store; %s", string(named), choice)
	case !slices.Contains(readable, named):
		return "", fmt.Errorf("--store %q: it is opened once per account and Region, for writing only; %s", string(named), choice)
	}
	return named, nil
}

func listed(names []secret.StoreName) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return strings.Join(all, ", ")
}
