package kubernetes

import (
	"crypto/tls"
	"encoding/json"
)

// The types of Secrets that ask something of their data.
const (
	opaque       = "Opaque"
	tlsPair      = "kubernetes.io/tls"
	dockerConfig = "kubernetes.io/dockerconfigjson"
	dockerLegacy = "kubernetes.io/dockercfg"
	basicAuth    = "kubernetes.io/basic-auth"
	sshAuth      = "kubernetes.io/ssh-auth"
	ofAccounts   = "kubernetes.io/service-account-token"
	ofBootstrap  = "bootstrap.kubernetes.io/token"

	dockerConfigKey = ".dockerconfigjson"
)

// refusedType says why Secrets of a type are not written; empty if they are.
func refusedType(typ string) string {
	if typ == ofAccounts || typ == ofBootstrap {
		return "the cluster makes its own credentials of Secrets of this type"
	}
	return ""
}

// unfit says why data is none of a type; empty if it is. It names keys, and never quotes what they hold.
func unfit(typ string, data map[string][]byte) string {
	has := func(key string) bool { return len(data[key]) > 0 }
	switch typ {
	case tlsPair:
		if !has("tls.crt") || !has("tls.key") {
			return "it needs the keys tls.crt and tls.key"
		}
		if _, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"]); err != nil {
			return "its tls.crt and tls.key are no certificate, in PEM, and the private key of it"
		}
	case dockerConfig:
		if !isRegistryConfig(data[dockerConfigKey]) {
			return `it needs the key .dockerconfigjson with a JSON object that has "auths", or to be such an object`
		}
	case dockerLegacy:
		if !isObject(data[".dockercfg"]) {
			return "it needs the key .dockercfg with a JSON object"
		}
	case basicAuth:
		if !has("username") && !has("password") {
			return "it needs the key username or password"
		}
	case sshAuth:
		if !has("ssh-privatekey") {
			return "it needs the key ssh-privatekey"
		}
	}
	return ""
}

// isRegistryConfig reports whether a text is what ~/.docker/config.json holds.
func isRegistryConfig(text []byte) bool {
	var config map[string]json.RawMessage
	return isObject(text) && json.Unmarshal(text, &config) == nil && isObject(config["auths"])
}
