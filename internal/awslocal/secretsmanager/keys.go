package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

// useKey makes one call to KMS for a version of a secret, and answers as Secrets Manager does where KMS refuses.
// The store is not locked meanwhile: whoever writes afterwards looks again at what it found before.
func (c *call) useKey(x *record, key, version string, use service.KeyUse) *service.Error {
	return c.useKeyAs(c.r, x.place, x.arn, key, version, use)
}

func (c *call) useKeyAs(r *service.Request, at place, arn, key, version string, use service.KeyUse) *service.Error {
	if c.keys == nil {
		return nil
	}
	if at.account != r.Account {
		if key == "" { // the AWS-managed key serves its own account only
			return invalidRequest("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
		}
		key = at.keyARN(key)
	}
	st := c.locked
	c.release()
	err := c.keys.Use(r, c.SigningName(), key, use, map[string]string{"SecretARN": arn, "SecretVersionId": version})
	st.mu.Lock()
	c.locked = st
	if err == nil {
		return nil
	}
	switch err.Code {
	case "AccessDeniedException":
		return kmsDenied()
	case "NotFoundException", "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException":
		if use == service.Decrypt {
			return refuse("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key: %s", err.Message)
		}
		return refuse("EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key: %s", err.Message)
	default:
		return err
	}
}

func kmsDenied() *service.Error {
	return refuse("AccessDeniedException", "Access to KMS is not allowed")
}

// keyProbe stands for a version where AWS only tries whether the caller may use a key.
const keyProbe = "RequestToValidateKeyAccess"

// probeKey tries a key that was set without a value to encrypt.
func (c *call) probeKey(x *record, key string) *service.Error {
	if err := c.useKey(x, key, keyProbe, service.GenerateDataKey); err != nil {
		return err
	}
	return c.useKey(x, key, keyProbe, service.Decrypt)
}

// reencrypt moves the versions that are in use to another key. AWS leaves those as they are that the caller may not re-encrypt.
func (c *call) reencrypt(x *record, key string) {
	seen := map[string]bool{}
	for _, label := range []string{current, pending, previous} {
		v := x.byID[x.labels[label]]
		if v == nil || v.empty() || seen[v.id] || v.keyID == key {
			continue
		}
		seen[v.id] = true
		if c.useKey(x, v.keyID, v.id, service.Decrypt) != nil || c.useKey(x, key, v.id, service.Encrypt) != nil {
			continue
		}
		v.keyID = key
	}
}
