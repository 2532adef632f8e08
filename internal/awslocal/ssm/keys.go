package ssm

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// managedKey is the key that AWS keeps for Parameter Store in every account and Region.
const managedKey = "alias/aws/ssm"

// useKey makes one call to KMS for a parameter, and answers as Parameter Store does where KMS refuses.
// The store is not locked meanwhile: whoever writes afterwards looks again at what it found before.
func (c *call) useKey(arn, key string, use service.KeyUse) *service.Error {
	if c.keys == nil {
		return nil
	}
	err := func() *service.Error {
		c.st.mu.Unlock()
		defer c.st.mu.Lock()
		return c.keys.Use(c.r, c.SigningName(), key, use, map[string]string{"PARAMETER_ARN": arn})
	}()
	if err == nil {
		return nil
	}
	switch err.Code {
	case "AccessDeniedException":
		return refuse(err.Code, "%s (Service: AWSKMS; Status Code: 400; Error Code: %s)", err.Message, err.Code)
	case "NotFoundException", "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException":
		return refuse("InvalidKeyId", "%s (Service: AWSKMS; Status Code: 400; Error Code: %s)", err.Message, err.Code)
	default:
		return err
	}
}

// encrypt makes the call to KMS that a new SecureString needs: a standard one is encrypted by KMS, an advanced one with a data key.
func (c *call) encrypt(arn string, v *version) *service.Error {
	use := service.Encrypt
	if v.tier == tierAdvanced {
		use = service.GenerateDataKey
	}
	return c.useKey(arn, v.keyID, use)
}

// sealed returns what stands for the ciphertext of a value. It is random: nothing is made of the value.
func sealed() string {
	var b [136]byte
	_, _ = rand.Read(b[:]) // never fails
	return "AQICAH" + base64.StdEncoding.EncodeToString(b[:])
}
