package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
)

type object = map[string]any

// Schema returns the JSON Schema (draft-07) of the configuration for these kinds of stores, as indented JSON that ends in a newline. It is for editors:
// what no schema can say, as whether a name is defined, only Parse and Check find. The error is a mistake of the program, in a kind's own schema.
func Schema(kinds []Kind) ([]byte, error) {
	stores, err := storesSchema(kinds)
	if err != nil {
		return nil, err
	}
	all := closed("The configuration of Secret Sync.", object{
		"version": object{"const": 1, "description": "The version of this format: 1."},
		"owner": word("The name of this installation, written into the mark of every copy. Default: secretsync- and the account id of the hub's credentials.",
			"pattern", ownerForm),
		"stores": stores,
		"groups": object{
			"type": "object", "minProperties": 1, "description": "Groups of AWS accounts, by name. They may live in the secret that groupsFrom names instead.",
			"additionalProperties": closed("A group of accounts.", object{
				"accounts": accountList("The accounts of the group: 12 digits each, in quotes."),
				"region":   regionSchema("The Region of the group's targets. Default: the store's, else the source's."),
			}, "accounts"),
		},
		"groupsFrom": closed("The secret that holds groups of accounts as JSON.", object{
			"store":  word("The store that holds the secret.", "pattern", nameForm),
			"secret": word("The name of the secret.", "default", string(DefaultGroupsSecret)),
		}, "store"),
		"syncs": object{"type": "array", "minItems": 1, "description": "The rules: from one store, these secrets, to these stores.", "items": syncSchema()},
		"limits": closed("The brakes on deletions, for each target.", object{
			"deletes": object{"type": "integer", "minimum": 0, "default": plan.DefaultDeletes, "description": "The most copies that one run deletes in one target."},
			"deletePercent": object{"type": "integer", "minimum": 0, "maximum": 100, "default": plan.DefaultDeletePercent,
				"description": "The most of a target's copies, in percent, that one run deletes; it counts from 5 deletions up."},
		}),
		"rotations": rotationsSchema(),
		"notify":    notifySchema(),
		"serve":     serveSchema(),
	}, "version", "stores", "syncs")
	withVariables(all)
	all["$schema"] = "http://json-schema.org/draft-07/schema#"
	all["title"] = "Secret Sync configuration"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(all); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return out.Bytes(), nil
}

func syncSchema() object {
	return closed("One sync.", object{
		"name": word("The name of the sync, part of every copy's mark: renaming it makes its copies another sync's.", "pattern", nameForm),
		"from": word("The store that the secrets come from.", "pattern", nameForm),
		"select": with(closed("Which secrets. The kinds are ANDed, the entries of one kind ORed, exclude wins. May be left out where every destination has byTags or byName.", object{
			"prefix":  words("Beginnings of names.", "pattern", literalForm),
			"glob":    words("Globs on names: * stops at /, ** does not, ? is one character but /.", "pattern", globForm),
			"names":   words("Names, exactly. They are described one by one, never listed.", "pattern", literalForm),
			"tags":    object{"type": "object", "minProperties": 1, "additionalProperties": object{"type": "string"}, "description": "Tags of the source's secrets, exactly."},
			"exclude": words("Globs on names that are left out.", "pattern", globForm),
		}), "minProperties", 1),
		"to":       object{"type": "array", "minItems": 1, "description": "The destinations.", "items": routeSchema()},
		"value":    shapeSchema("How the value of a copy is made, at every destination that has no value of its own. Default: as it is."),
		"schedule": word("When the sync runs unattended, in UTC: rate(1 hour), cron(…) with EventBridge's six fields, or a cron line of five."),
		"deletion": choiceSchema("What happens to a copy that nothing wants any more.", plan.Retain, plan.Delete),
		"recoveryDays": object{"type": "integer", "minimum": minRecoveryDays, "maximum": maxRecoveryDays, "default": plan.DefaultRecoveryDays,
			"description": "The recovery window of a deletion, in days."},
		"drift":    choiceSchema("What happens to a copy that somebody else has written.", plan.Mend, plan.Report),
		"existing": choiceSchema("What happens to a secret of the wanted name that is not ours; adopt-legacy takes over what earlier sync tools have marked.", plan.Refuse, plan.AdoptLegacy),
		"tags":     choiceSchema("Whether a source's own tags go with its copies.", plan.CopyTags, plan.NoTags),
	}, "name", "from", "to")
}

func serveSchema() object {
	return closed("How the daemon, secretsync serve, runs.", object{
		"listen":   word("HOST:PORT of health and metrics. Default: none."),
		"queue":    word("The URL of the SQS queue that events come from. Default: none.", "pattern", queueForm),
		"schedule": word("When the syncs run that have no schedule of their own.", "default", DefaultSchedule),
		"lease": closed("The Kubernetes Lease by which one of several replicas leads. Default: every replica runs.", object{
			"namespace": word("The namespace of the Lease. Default: the one that the process runs in.", "pattern", namespaceForm),
			"name":      word("The name of the Lease.", "default", defaultLease, "pattern", leaseForm),
		}),
	})
}

func routeSchema() object {
	return closed("One destination.", object{
		"store":    word("The store to write to.", "pattern", nameForm),
		"byTags":   object{"type": "boolean", "default": false, "description": "The SecretSync-* tags on each secret decide where it goes."},
		"groups":   words("Groups of accounts to write to."),
		"accounts": accountList("Accounts to write to: 12 digits each, in quotes."),
		"regions":  regionList("The Regions to write to, in place of the group's, the store's and the source's."),
		"except": closed("What is taken out again, everywhere.", object{
			"accounts": accountList("Accounts to leave out."),
			"groups":   words("Groups of accounts to leave out."),
			"regions":  regionList("Regions to leave out."),
		}),
		"byName":    object{"type": "boolean", "default": false, "description": "The name of each secret, CLUSTER/NAMESPACE/NAME, decides where it goes in Kubernetes; what is named otherwise, or for another cluster, is left alone."},
		"namespace": word("A template for the Kubernetes namespace of the copy. Default: the store's."),
		"type":      word("What kind of Kubernetes Secret the copy is: Opaque, kubernetes.io/tls, kubernetes.io/dockerconfigjson, kubernetes.io/basic-auth, …"),
		"name":      word("A template for the name of the copy: .Name, .Path, .Base, .Dir, and .Key of a split. Default: the name of the source; with split {{ .Name }}/{{ .Key }}."),
		"value":     shapeSchema("How the value of the copy is made, in place of the sync's."),
	}, "store")
}

func shapeSchema(description string) object {
	return with(closed(description, object{
		"keys": with(closed("Which keys of a value that is a JSON object, and under which names. Numbers, order and nested values stay as they are.", object{
			"include": words("Only these keys; each must be there."),
			"exclude": words("All keys but these."),
			"rename":  object{"type": "object", "minProperties": 1, "additionalProperties": object{"type": "string", "minLength": 1}, "description": "New names of keys, by the old ones."},
		}), "minProperties", 1),
		"split":    words("A copy of its own for each of these keys."),
		"merge":    word("One copy of all secrets that get one name: a template for the key that each has in it, as in {{ .Base }}."),
		"template": word("A template for the whole value: .Name, .Path, .Base, .Dir, .Value, .Text; with merge .Secrets."),
	}), "minProperties", 1)
}

func storesSchema(kinds []Kind) (object, error) {
	var all []any
	for _, k := range kinds {
		props, err := plainJSON(k.Settings)
		if err != nil {
			return nil, fmt.Errorf("schema of %q: %w", k.Type, err)
		}
		props["type"] = object{"const": k.Type, "description": "The kind of store."}
		one := closed("A store of type "+k.Type+".", props, "type")
		closeAll(one)
		all = append(all, one)
	}
	var entry any = object{"oneOf": all}
	if len(all) == 1 {
		entry = all[0]
	}
	return object{"type": "object", "minProperties": 1, "propertyNames": object{"pattern": nameForm}, "additionalProperties": entry,
		"description": "The places that hold secrets, by the name that syncs give them."}, nil
}

// plainJSON copies a schema into maps and lists, whatever Go types it was written with.
func plainJSON(settings map[string]any) (object, error) {
	data, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	plain := object{}
	if len(settings) == 0 {
		return plain, nil
	}
	return plain, json.Unmarshal(data, &plain)
}

func closed(description string, properties object, required ...string) object {
	o := object{"type": "object", "description": description, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func with(o object, pairs ...any) object {
	for i := 0; i+1 < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

func word(description string, more ...any) object {
	return with(object{"type": "string", "minLength": 1, "description": description}, more...)
}

func words(description string, more ...any) object {
	return object{"type": "array", "minItems": 1, "uniqueItems": true, "description": description, "items": with(object{"type": "string", "minLength": 1}, more...)}
}

func accountList(description string) object {
	return words(description, "pattern", accountForm)
}

func regionSchema(description string) object { return word(description, "pattern", regionForm) }

func regionList(description string) object { return words(description, "pattern", regionForm) }

// choiceSchema describes a choice of words, the first of which is the default.
func choiceSchema[S ~string](description string, choices ...S) object {
	return object{"enum": choices, "default": choices[0], "description": description}
}

// closeAll refuses unknown keys in every object that does not say.
func closeAll(schema object) {
	if props, ok := schema["properties"].(object); ok {
		if _, said := schema["additionalProperties"]; !said {
			schema["additionalProperties"] = false
		}
		for _, p := range props {
			if o, ok := p.(object); ok {
				closeAll(o)
			}
		}
	}
	if items, ok := schema["items"].(object); ok {
		closeAll(items)
	}
}

// withVariables lets a ${VAR} stand wherever a schema asks for a single value of some form.
func withVariables(schema object) {
	for _, key := range slices.Sorted(maps.Keys(schema)) {
		switch child := schema[key].(type) {
		case object:
			if key == "properties" {
				for _, p := range child {
					if o, ok := p.(object); ok {
						withVariables(o)
					}
				}
			} else if key == "items" || key == "additionalProperties" {
				withVariables(child)
			}
		case []any:
			for _, c := range child {
				if o, ok := c.(object); ok && key == "oneOf" {
					withVariables(o)
				}
			}
		}
	}
	form := object{}
	for _, key := range []string{"type", "enum", "pattern", "format", "minimum", "maximum", "minLength", "maxLength"} {
		if v, ok := schema[key]; ok {
			form[key] = v
		}
	}
	// A list or a map takes its variables inside; a const is a word that readers look for; text of any form can be a variable as it is.
	_, shaped := form["pattern"]
	_, chosen := form["enum"]
	if t := form["type"]; !shaped && !chosen && t != "integer" && t != "boolean" && t != "number" {
		return
	}
	for key := range form {
		delete(schema, key)
	}
	schema["anyOf"] = []any{form, object{"type": "string", "pattern": `\$\{[A-Za-z_][A-Za-z0-9_]*\}`}}
}
