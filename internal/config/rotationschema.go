package config

func rotationsSchema() object {
	webhook := func(description string) object {
		return closed(description, object{
			"url":       word("The URL: https.", "pattern", urlForm),
			"secretEnv": word("The environment variable that holds the key of the signature. Default: it is not signed.", "pattern", variableForm),
			"timeout":   word("How long it may take: 30s, 5m.", "default", "1m", "pattern", timeoutForm),
		}, "url")
	}
	command := func(description string) object {
		return object{"type": "array", "minItems": 1, "items": object{"type": "string"}, "description": description}
	}
	entry := closed("How one secret is rotated.", object{
		"store":    word("The store that holds the secret.", "pattern", nameForm),
		"secret":   word("The name of the secret."),
		"strategy": choiceSchema("Whose password changes: that of the user in the secret, or in turns that of a second user, NAME_clone.", "single-user", "alternating-users"),
		"every":    word("How often serve rotates it: 12h, 30d. Default: only by hand.", "pattern", everyForm),
		"schedule": word("When serve rotates it, in place of every: rate(30 days), cron(…), or a cron line of five fields; UTC."),
		"window": closed("When a rotation that is due may begin, UTC.", object{
			"from": word("The time of day.", "pattern", clockForm),
			"to":   word("The time of day; smaller than from: on the next day.", "pattern", clockForm),
			"days": object{"type": "array", "minItems": 1, "uniqueItems": true, "items": object{"enum": days}, "description": "The days on which it begins. Default: every day."},
		}, "from", "to"),
		"engine": word("What the credential is for: postgres, redshift, mysql, mariadb, redis, generate, exec, webhook. Default: what the member engine of the secret's JSON says."),
		"master": object{"description": "The secret of a user who may change others: its name, or store and name. Default: what the member masterarn of the secret's JSON says.", "anyOf": []any{
			object{"type": "string", "minLength": 1},
			closed("A secret of a store.", object{
				"store":  word("The store that holds it. Default: that of the secret.", "pattern", nameForm),
				"secret": word("Its name."),
			}, "secret"),
		}},
		"generate": closed("How the new password, or another value, is made.", object{
			"kind":          choiceSchema("What is made.", "password", "hex", "base64", "uuid", "rsa", "ed25519"),
			"key":           word("The key of the secret's JSON that holds it. Default: password where the value is a JSON object, else the whole value."),
			"publicKey":     word("The key of the secret's JSON that gets the public key of a key pair."),
			"length":        object{"type": "integer", "minimum": minLength, "maximum": maxLength, "description": "Characters of a password, bytes of hex and base64, bits of rsa. Default: 32; rsa 3072."},
			"exclude":       word(`Characters that a password must not have. Default: / @ " ' and \.`),
			"noPunctuation": object{"type": "boolean", "default": false, "description": "Letters and digits only."},
			"requireEach":   object{"type": "boolean", "default": false, "description": "At least one small letter, one capital, one digit and, where there is punctuation, one of it."},
		}),
		"tls": closed("How a database is reached.", object{
			"mode":   choiceSchema("verify: TLS, and certificate and host must be right; require: TLS, whoever it is; disable: no TLS.", "verify", "require", "disable"),
			"caFile": word("A file of certificates, PEM, in place of the system's."),
		}),
		"exec": closed("A program that does the steps.", object{
			"command": command("The program and its arguments. There is no shell."),
			"timeout": word("How long one step may take: 30s, 5m.", "default", "1m", "pattern", timeoutForm),
		}, "command"),
		"webhook": webhook("An HTTPS endpoint that does the steps."),
		"after": object{"type": "array", "minItems": 1, "description": "What follows a rotation, wave by wave. Default: one wave with all targets.", "items": closed("One wave.", object{
			"targets": closed("The targets of the wave: kinds are ANDed, the entries of one kind ORed. Default, for the last wave only: all that are left.", object{
				"stores":     words("Stores.", "pattern", nameForm),
				"accounts":   accountList("Accounts: 12 digits each, in quotes."),
				"regions":    regionList("Regions."),
				"clusters":   words("Kubernetes clusters."),
				"namespaces": words("Kubernetes namespaces."),
			}),
			"ecs": object{"type": "array", "minItems": 1, "description": "Services of ECS, which read secrets at the start of a task only: each gets a new deployment.", "items": closed("A service.", object{
				"cluster": word("The cluster.", "pattern", ecsForm),
				"service": word("The service.", "pattern", ecsForm),
				"account": word("The account. Default: that of the credentials.", "pattern", accountForm),
				"region":  regionSchema("The Region. Default: that of the environment."),
				"role":    word("The role that is assumed: a name in that account, or an ARN."),
				"wait":    object{"type": "boolean", "default": false, "description": "Whether the wave waits until the deployment is complete."},
			}, "cluster", "service")},
			"webhook": webhook("An HTTPS endpoint that is told: names, versions and targets."),
			"gate": object{"type": "array", "minItems": 1, "description": "What has to pass before the next wave begins.", "items": with(closed("A probe: exactly one of command, http and login.", object{
				"command": command("Passes with exit code 0. There is no shell."),
				"http":    word("A URL; passes with a status of 200 to 299.", "pattern", urlForm),
				"login":   object{"const": true, "description": "Passes where the rotated credential logs in."},
				"within":  word("How long it is tried again: 30s, 5m.", "default", "2m", "pattern", timeoutForm),
			}), "oneOf", exactlyOne("command", "http", "login"))},
		})},
	}, "store", "secret")
	return object{"type": "array", "minItems": 1, "description": "How secrets are rotated, unattended and by secretsync rotate.", "items": entry}
}
