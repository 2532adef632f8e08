package wire

import (
	"errors"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/notify"
)

// CheckNotify finds what is wrong with the `notify:` of a configuration beyond its form: templates, and settings that don't go together. It reads no variable
// and no file. The error joins everything, each with its place in the file.
func CheckNotify(f *config.File) error {
	var errs []error
	for i, s := range settings(f) {
		errs = append(errs, f.NotifyError(i, notify.Check(s)))
	}
	return errors.Join(errs...)
}

// OpenNotify returns who is to be told of a configuration's runs. It reads the variables and files with passwords and keys, and contacts nothing. The error
// joins everything that is wrong, each with its place in the file.
func OpenNotify(f *config.File, d notify.Deps) (*notify.Notifier, error) {
	if err := CheckNotify(f); err != nil {
		return nil, err
	}
	n, err := notify.Open(settings(f), d)
	if err == nil {
		return n, nil
	}
	var errs []error
	for _, err := range unjoined(err) {
		var at *notify.OpenError
		if errors.As(err, &at) {
			err = f.NotifyError(at.Index, at.Err)
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func unjoined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}

func settings(f *config.File) []notify.Settings {
	all := make([]notify.Settings, len(f.Notify))
	for i, n := range f.Notify {
		switch {
		case n.SNS != nil:
			s := notify.SNS(*n.SNS)
			all[i].SNS = &s
		case n.SMTP != nil:
			s := notify.SMTP(*n.SMTP)
			all[i].SMTP = &s
		case n.Webhook != nil:
			s := notify.Webhook(*n.Webhook)
			all[i].Webhook = &s
		case n.Slack != nil:
			s := notify.Slack(*n.Slack)
			all[i].Slack = &s
		}
	}
	return all
}
