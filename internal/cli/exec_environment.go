package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
)

// Exit codes of `exec` where the command was not run, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// variableName makes the name of a variable of another name: upper case, and "_" for everything that is no letter or digit of ASCII.
func variableName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// badVariable says why a name that was made of another can't be that of a variable; empty: it can.
func badVariable(name string) string {
	switch {
	case strings.Trim(name, "_") == "":
		return "which says nothing"
	case name[0] >= '0' && name[0] <= '9':
		return "which begins with a digit"
	case steers(name):
		return "which steers what programs do"
	}
	return ""
}

// steering are variables by which whoever sets them runs code of their own in a command, or sends it elsewhere: shells, loaders, interpreters.
// A member of a secret sets none of them by bearing its name; a person who names it can.
var steering = []string{
	"PATH", "HOME", "SHELL", "IFS", "ENV", "CDPATH", "GLOBIGNORE", "PS4", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS", "BASH_ENV", "ZDOTDIR", "FPATH",
	"GCONV_PATH", "LOCPATH", "NLSPATH", "GLIBC_TUNABLES", "HOSTALIASES", "RESOLV_HOST_CONF", "TMPDIR",
	"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONUSERBASE", "PERL5OPT", "PERL5LIB", "PERL5DB", "PERLLIB", "RUBYOPT", "RUBYLIB", "GEM_PATH", "GEM_HOME",
	"NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "PHPRC", "PHP_INI_SCAN_DIR", "LUA_PATH", "LUA_CPATH", "LUA_INIT",
	"DOTNET_STARTUP_HOOKS", "EDITOR", "VISUAL", "PAGER", "BROWSER", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSLKEYLOGFILE",
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXEC_PATH", "GIT_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_PROXY_COMMAND", "GIT_TEMPLATE_DIR", "SSH_ASKPASS",
	"COMSPEC", "PATHEXT", "SYSTEMROOT", "WINDIR", "PSMODULEPATH",
}

// steeringFamilies are beginnings of such names.
var steeringFamilies = []string{"LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG", "COR_", "CORECLR_"}

func steers(name string) bool {
	name = strings.ToUpper(name) // a prefix may have small letters, and there are systems where they are the same
	return slices.Contains(steering, name) || slices.ContainsFunc(steeringFamilies, func(f string) bool { return strings.HasPrefix(name, f) })
}

// defineOnce returns an error for each variable that is defined twice.
func defineOnce(vars []variable) error {
	var errs []error
	for i, v := range vars {
		j := slices.IndexFunc(vars[:i], func(o variable) bool { return sameVariable(o.name, v.name) })
		if j >= 0 {
			errs = append(errs, fmt.Errorf("variable %s is defined twice: by %s and by %s; name them, as in VAR=NAME#MEMBER, or give a prefix, as in 'DB_*=NAME'",
				v.name, vars[j].origin(), v.origin()))
		}
	}
	return errors.Join(errs...)
}

// origin says what a variable is made of.
func (v variable) origin() string {
	if v.member == "" {
		return fmt.Sprintf("secret %q", string(v.secret))
	}
	return fmt.Sprintf("member %q of secret %q", shown(v.member), string(v.secret))
}

// environment returns the command's environment: what it inherits, and the secrets. Variables that are set already are an error unless they may be overwritten.
func (x execution) environment(inherited []string, vars []variable) ([]string, error) {
	var env []string
	var errs []error
	for _, kv := range inherited {
		name, _, _ := strings.Cut(kv, "=")
		if x.pristine || x.withoutCredentials && isCredential(name) {
			continue
		}
		if i := slices.IndexFunc(vars, func(v variable) bool { return sameVariable(v.name, name) }); i >= 0 {
			if !x.overwrite {
				errs = append(errs, fmt.Errorf("variable %s, which %s defines, is set already: unset it, give --overwrite or --pristine, or name another", vars[i].name, vars[i].origin()))
			}
			continue
		}
		env = append(env, kv)
	}
	for _, v := range vars {
		env = append(env, v.name+"="+v.value)
	}
	return env, errors.Join(errs...)
}

// isCredential reports whether a variable holds, or leads to, what stores are read with.
func isCredential(name string) bool {
	switch name {
	case "AWS_REGION", "AWS_DEFAULT_REGION":
		return false
	case "KUBECONFIG":
		return true
	}
	return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "VAULT_")
}

// isAbsent reports whether a command was not found.
func isAbsent(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
}
