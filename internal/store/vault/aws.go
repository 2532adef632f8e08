package vault

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	whoAmI       = "Action=GetCallerIdentity&Version=2011-06-15"
	globalSTS    = "https://sts.amazonaws.com/"
	globalRegion = "us-east-1" // the Region that the global endpoint signs for
	serverHeader = "X-Vault-AWS-IAM-Server-ID"
)

// awsLogin logs in by a GetCallerIdentity that is signed here and sent to STS by the server, which so learns who we are and nothing else.
func (s *kv) awsLogin(ctx context.Context, c *client) (grant, error) {
	a := s.set.Auth
	region, endpoint := globalRegion, globalSTS
	if a.Region != "" {
		region, endpoint = a.Region, "https://sts."+a.Region+".amazonaws.com/"
		if strings.HasPrefix(a.Region, "cn-") {
			endpoint = "https://sts." + a.Region + ".amazonaws.com.cn/"
		}
	}
	cfg, err := s.factory.Config(ctx, awscfg.Target{Region: secret.Region(region)})
	if err != nil {
		return grant{}, err
	}
	creds, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return grant{}, awscfg.Error(string(loginCall(a).name), c.place, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, http.NoBody)
	if err != nil {
		return grant{}, credentials(c, a, errors.New("no request to STS can be made"))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if a.ServerID != "" {
		req.Header.Set(serverHeader, a.ServerID)
	}
	req.ContentLength = int64(len(whoAmI))
	digest := sha256.Sum256([]byte(whoAmI))
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(digest[:]), "sts", region, time.Now()); err != nil {
		return grant{}, credentials(c, a, errors.New("the request to STS can't be signed"))
	}
	headers, err := json.Marshal(req.Header)
	if err != nil {
		return grant{}, credentials(c, a, errors.New("the request to STS can't be sent"))
	}
	encode := base64.StdEncoding.EncodeToString
	return c.logIn(ctx, a, map[string]string{
		"role": a.Role, "iam_http_request_method": http.MethodPost, "iam_request_url": encode([]byte(endpoint)),
		"iam_request_body": encode([]byte(whoAmI)), "iam_request_headers": encode(headers),
	}, creds.SecretAccessKey, creds.SessionToken, req.Header.Get("Authorization"))
}
