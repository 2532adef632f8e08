package config

func notifySchema() object {
	subject := word("A template of the subject. Default: how many changes were not made.")
	text := func() object {
		return word("A template of the text. Default: every failure in a line, and what was done.")
	}
	ca := func() object { return word("A file of certificates that are trusted too, PEM.") }
	local := func() object {
		return object{"type": "boolean", "default": false, "description": "Permits loopback and link-local addresses, and plain http to this machine."}
	}
	entry := closed("One destination: exactly one of its keys.", object{
		"sns": closed("A topic of Amazon SNS.", object{
			"topicArn": word("The ARN of the topic.", "pattern", topicForm),
			"region":   regionSchema("The Region to call. Default: the topic's."),
			"subject":  subject, "text": text(),
		}, "topicArn"),
		"smtp": with(closed("Mail.", object{
			"host":         word("The mail server.", "pattern", hostForm),
			"port":         object{"type": "integer", "minimum": 1, "maximum": 65535, "description": "Default: 465 with tls: tls, else 587."},
			"from":         word("The sender's address.", "pattern", mailForm),
			"to":           words("The recipients' addresses.", "pattern", mailForm),
			"tls":          choiceSchema("How the connection is protected. A server that does not offer STARTTLS gets nothing.", "starttls", "tls", "none"),
			"username":     word("Who logs in; not with tls: none, but to this machine."),
			"passwordEnv":  word("The environment variable that holds the password.", "pattern", variableForm),
			"passwordFile": word("The file that holds the password."),
			"caFile":       ca(), "subject": word("A template of the subject. Default: how many changes were not made."), "text": text(),
		}, "host", "from", "to"), "allOf", []any{
			object{"not": object{"required": []string{"passwordEnv", "passwordFile"}}},
			object{"anyOf": []any{object{"not": object{"required": []string{"username"}}}, object{"required": []string{"passwordEnv"}}, object{"required": []string{"passwordFile"}}}},
		}),
		"webhook": with(closed("A URL that gets every message as JSON, signed.", object{
			"url":        word("The URL: https, or http to this machine with allowLocal.", "pattern", urlForm),
			"secretEnv":  word("The environment variable that holds the key of the signature.", "pattern", variableForm),
			"secretFile": word("The file that holds the key of the signature."),
			"allowLocal": local(), "caFile": ca(),
		}, "url"), "oneOf", exactlyOne("secretEnv", "secretFile")),
		"slack": with(closed("An incoming webhook of Slack, or of what is compatible with it.", object{
			"url":        word("The URL, as ${VAR}: it is a secret.", "pattern", `\$\{`),
			"urlEnv":     word("The environment variable that holds the URL.", "pattern", variableForm),
			"urlFile":    word("The file that holds the URL."),
			"text":       text(),
			"allowLocal": local(), "caFile": ca(),
		}), "oneOf", exactlyOne("url", "urlEnv", "urlFile")),
	})
	entry["minProperties"], entry["maxProperties"] = 1, 1
	return object{"type": "array", "minItems": 1, "description": "Who is told of a run that failed.", "items": entry}
}

const (
	mailForm = `^[^\s].*@.*[^\s]$`
	urlForm  = `^https?://[^/\s]+`
)

func exactlyOne(keys ...string) []any {
	var all []any
	for _, key := range keys {
		all = append(all, object{"required": []string{key}})
	}
	return all
}
