package vault_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	api "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// loginPlace is a mount with one secret, a policy named as the mount that may read it, and no token in the environment.
func loginPlace(t *testing.T) place {
	t.Helper()
	p := newPlace(t)
	t.Setenv("VAULT_TOKEN", "")
	t.Setenv("HOME", t.TempDir())
	p.put("app/db", `{"a":1}`)
	body, err := json.Marshal(map[string]string{"policy": strings.ReplaceAll(reader, "MOUNT", p.mount)})
	if err != nil {
		t.Fatal(err)
	}
	p.must("PUT", "sys/policies/acl/"+p.mount, string(body))
	return p
}

func lists(t *testing.T, s store.Store) error {
	t.Helper()
	all, err := sourceOf(t, s).List(t.Context())
	if err == nil && len(all) != 1 {
		t.Errorf("got %d secrets", len(all))
	}
	return err
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestATokenComesFromTheEnvironmentAFileOrTheLastLogin(t *testing.T) {
	p := loginPlace(t)
	wantErr(t, lists(t, open(t, impatient, p.settings(""))), store.ErrCredentials, "set VAULT_TOKEN")
	file := writeFile(t, p.policy(reader))
	if err := lists(t, open(t, impatient, p.settings(", auth: {tokenFile: "+file+"}"))); err != nil {
		t.Error(err)
	}
	wantErr(t, lists(t, open(t, impatient, p.settings(", auth: {tokenFile: /nowhere}"))), store.ErrCredentials, "/nowhere")
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".vault-token"), []byte(p.policy(reader)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lists(t, open(t, impatient, p.settings(""))); err != nil {
		t.Error(err)
	}
	t.Setenv("VAULT_TOKEN", "a\nb"+canary)
	wantErr(t, lists(t, open(t, impatient, p.settings(""))), store.ErrCredentials, "VAULT_TOKEN holds characters")
}

func TestAnExpiredTokenSaysSo(t *testing.T) {
	p := loginPlace(t)
	x := newProxy(t, p.addr)
	token := p.policy(reader)
	through := p
	through.addr = x.url
	t.Setenv("VAULT_TOKEN", token)
	s := open(t, impatient, through.settings(""))
	if err := lists(t, s); err != nil {
		t.Fatal(err)
	}
	p.must("POST", "auth/token/revoke", `{"token":"`+token+`"}`)
	err := lists(t, s)
	wantErr(t, err, store.ErrCredentials, "the token has expired, or was revoked", "VAULT_TOKEN")
	if strings.Contains(err.Error(), token) {
		t.Error("the error holds the token")
	}
	x.seen()
	wantErr(t, lists(t, s), store.ErrCredentials)
	if calls := x.seen(); len(calls) != 0 {
		t.Errorf("a token that was refused is used again: %q", calls)
	}
}

func TestATokenInAFileThatIsReplacedIsTakenUp(t *testing.T) {
	p := loginPlace(t)
	token := p.policy(reader)
	file := writeFile(t, token)
	s := open(t, impatient, p.settings(", auth: {tokenFile: "+file+"}"))
	if err := lists(t, s); err != nil {
		t.Fatal(err)
	}
	p.must("POST", "auth/token/revoke", `{"token":"`+token+`"}`)
	if err := os.WriteFile(file, []byte(p.policy(reader)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lists(t, s); err != nil {
		t.Error(err)
	}
}

func TestATokenIsLookedUpAndRenewedInMidRunOnly(t *testing.T) {
	p := loginPlace(t)
	x := newProxy(t, p.addr)
	t.Setenv("VAULT_TOKEN", p.newToken(fmt.Sprintf(`{"policies":[%q,"default"],"ttl":"3s","period":"3s"}`, p.mount)))
	through := p
	through.addr = x.url
	s := open(t, impatient, through.settings(""))
	if err := lists(t, s); err != nil {
		t.Fatal(err)
	}
	if calls := x.seen(); count(calls, "GET auth/") != 0 || count(calls, "POST auth/") != 0 {
		t.Errorf("a short run makes %q", calls)
	}
	o := impatient
	o.FirstLook = time.Millisecond
	s = open(t, o, through.settings(""))
	for start := time.Now(); time.Since(start) < 4*time.Second; time.Sleep(50 * time.Millisecond) {
		if err := lists(t, s); err != nil {
			t.Fatal(err)
		}
	}
	if calls := x.seen(); count(calls, "GET auth/token/lookup-self") != 1 || count(calls, "POST auth/token/renew-self") == 0 || count(calls, "POST auth/token/renew-self") > 4 {
		t.Errorf("%d looks, %d renewals", count(calls, "GET auth/"), count(calls, "POST auth/"))
	}
}

func TestAnAppRoleLogsInOnceAndAgainWhenItsTokenIsGone(t *testing.T) {
	p := loginPlace(t)
	path := "approle-" + p.mount
	p.must("POST", "sys/auth/"+path, `{"type":"approle"}`)
	p.must("POST", "auth/"+path+"/role/r", fmt.Sprintf(`{"token_policies":[%q],"token_ttl":"1h"}`, p.mount))
	roleID := fmt.Sprint(p.must("GET", "auth/"+path+"/role/r/role-id", "")["role_id"])
	secretID := fmt.Sprint(p.must("POST", "auth/"+path+"/role/r/secret-id", "")["secret_id"])
	x := newProxy(t, p.addr)
	through := p
	through.addr = x.url
	t.Setenv("VAULT_SECRET_ID", secretID)
	s := open(t, impatient, through.settings(fmt.Sprintf(", auth: {method: approle, path: %s, roleId: %s}", path, roleID)))
	if err := lists(t, s); err != nil {
		t.Fatal(err)
	}
	if n := count(x.seen(), "POST auth/"); n != 1 {
		t.Errorf("%d logins", n)
	}
	p.must("POST", "sys/leases/revoke-prefix/auth/"+path, "")
	if err := lists(t, s); err != nil {
		t.Error(err)
	}
	if n := count(x.seen(), "POST auth/"); n != 1 {
		t.Errorf("%d logins after the token ended", n)
	}
	file := writeFile(t, secretID)
	for _, more := range []string{"secretIdFile: " + file, "secretIdEnv: OTHER_ID"} {
		t.Setenv("OTHER_ID", secretID)
		if err := lists(t, open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: approle, path: %s, roleId: %s, %s}", path, roleID, more)))); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("VAULT_SECRET_ID", canary)
	s = open(t, impatient, through.settings(fmt.Sprintf(", auth: {method: approle, path: %s, roleId: %s}", path, roleID)))
	wantErr(t, lists(t, s), store.ErrCredentials, `POST "auth/`+path+`/login"`, "invalid role or secret ID")
	wantErr(t, lists(t, s), store.ErrCredentials)
	if n := count(x.seen(), "POST auth/"); n != 1 {
		t.Errorf("a login that was refused is tried %d times", n)
	}
	wantErr(t, lists(t, open(t, impatient, p.settings(", auth: {method: approle, path: nowhere, roleId: r}"))), store.ErrCredentials, "auth/nowhere/login", "its path and role")
}

func TestAShortLeaseIsOutlived(t *testing.T) {
	p := loginPlace(t)
	path := "approle-" + p.mount
	p.must("POST", "sys/auth/"+path, `{"type":"approle"}`)
	p.must("POST", "auth/"+path+"/role/r", fmt.Sprintf(`{"token_policies":[%q],"token_ttl":"2s","token_max_ttl":"3s","token_no_default_policy":true,"bind_secret_id":false,"token_bound_cidrs":["127.0.0.1/32"]}`, p.mount))
	roleID := fmt.Sprint(p.must("GET", "auth/"+path+"/role/r/role-id", "")["role_id"])
	s := open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: approle, path: %s, roleId: %s}", path, roleID)))
	for start := time.Now(); time.Since(start) < 4*time.Second; time.Sleep(100 * time.Millisecond) {
		if err := lists(t, s); err != nil {
			t.Fatal(err)
		}
	}
}

// signer makes JSON Web Tokens.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) (s signer, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (s signer) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return text + "." + encode(signature)
}

func TestAJSONWebTokenLogsIn(t *testing.T) {
	p := loginPlace(t)
	s, public := newSigner(t)
	path := "jwt-" + p.mount
	p.must("POST", "sys/auth/"+path, `{"type":"jwt"}`)
	body, err := json.Marshal(map[string]any{"jwt_validation_pubkeys": []string{public}})
	if err != nil {
		t.Fatal(err)
	}
	p.must("POST", "auth/"+path+"/config", string(body))
	p.must("POST", "auth/"+path+"/role/r", fmt.Sprintf(`{"role_type":"jwt","user_claim":"sub","bound_audiences":["secretsync"],"token_policies":[%q]}`, p.mount))
	claims := map[string]any{"sub": "x", "aud": "secretsync", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Add(-time.Minute).Unix()}
	file := writeFile(t, s.token(t, claims))
	if err := lists(t, open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: jwt, path: %s, role: r, jwtFile: %s}", path, file)))); err != nil {
		t.Error(err)
	}
	claims["aud"] = "somebody else"
	bad := s.token(t, claims)
	err = lists(t, open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: jwt, path: %s, role: r, jwtFile: %s}", path, writeFile(t, bad)))))
	wantErr(t, err, store.ErrCredentials, "auth/"+path+"/login")
	if strings.Contains(err.Error(), bad) {
		t.Error("the error holds the token")
	}
	wantErr(t, lists(t, open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: jwt, path: %s, jwtFile: /nowhere}", path)))), store.ErrCredentials, "/nowhere")
}

func TestAServiceAccountOfKubernetesLogsIn(t *testing.T) {
	p := loginPlace(t)
	review := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":true,"user":{"username":"system:serviceaccount:apps:secretsync","uid":"u1"}}}`)
		_ = r.Body.Close()
	}))
	t.Cleanup(review.Close)
	path := "kubernetes-" + p.mount
	p.must("POST", "sys/auth/"+path, `{"type":"kubernetes-auth"}`)
	s, _ := newSigner(t)
	account := s.token(t, map[string]any{
		"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:apps:secretsync", "kubernetes.io/serviceaccount/namespace": "apps",
		"kubernetes.io/serviceaccount/service-account.name": "secretsync", "kubernetes.io/serviceaccount/service-account.uid": "u1",
	})
	p.must("POST", "auth/"+path+"/config", fmt.Sprintf(`{"kubernetes_host":%q,"token_reviewer_jwt":%q,"disable_local_ca_jwt":true,"disable_iss_validation":true}`, review.URL, account))
	p.must("POST", "auth/"+path+"/role/r", fmt.Sprintf(`{"bound_service_account_names":["secretsync"],"bound_service_account_namespaces":["apps"],"token_policies":[%q]}`, p.mount))
	if err := lists(t, open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: kubernetes, path: %s, role: r, jwtFile: %s}", path, writeFile(t, account))))); err != nil {
		t.Error(err)
	}
	wantErr(t, lists(t, open(t, impatient, p.settings(fmt.Sprintf(", auth: {method: kubernetes, path: %s, role: other, jwtFile: %s}", path, writeFile(t, account))))), store.ErrCredentials)
}

func TestAnIdentityOfAWSLogsIn(t *testing.T) {
	p := loginPlace(t)
	local, err := awslocal.New(awslocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sts, err := local.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Close() })
	path := "aws-" + p.mount
	p.must("POST", "sys/auth/"+path, `{"type":"aws-auth"}`)
	p.must("POST", "auth/"+path+"/config/client", fmt.Sprintf(`{"access_key":"111111111111","secret_key":"x","sts_endpoint":%q,"iam_endpoint":%q,"sts_region":"us-east-1","iam_server_id_header_value":"vault.test"}`, sts, sts))
	p.must("POST", "auth/"+path+"/role/r", fmt.Sprintf(`{"auth_type":"iam","bound_iam_principal_arn":["arn:aws:iam::111111111111:role/hub"],"resolve_aws_unique_ids":false,"token_policies":[%q]}`, p.mount))
	f := awscfg.New(awscfg.Options{Load: []func(*config.LoadOptions) error{
		config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(stscreds.NewAssumeRoleProvider(api.New(api.Options{
			Region: "us-east-1", BaseEndpoint: &sts, Credentials: credentials.NewStaticCredentialsProvider("111111111111", canary, ""),
		}), "arn:aws:iam::111111111111:role/hub")),
	}})
	with := func(more string) store.Store {
		s, err := impatient.Driver(f).Open(definition(p.settings(fmt.Sprintf(", auth: {method: aws, path: %s, role: r%s}", path, more))))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if err := lists(t, with(", serverId: vault.test")); err != nil {
		t.Error(err)
	}
	wantErr(t, lists(t, with("")), store.ErrCredentials, "X-Vault-AWS-IAM-Server-ID")
}

// TestTheLoginsOfManyCallsAreOne has all calls of a listing ask for a token at the same time.
func TestTheLoginsOfManyCallsAreOne(t *testing.T) {
	p := loginPlace(t)
	for i := range 30 {
		p.put(fmt.Sprintf("many/%d", i), `{"a":1}`)
	}
	path := "approle-" + p.mount
	p.must("POST", "sys/auth/"+path, `{"type":"approle"}`)
	p.must("POST", "auth/"+path+"/role/r", fmt.Sprintf(`{"token_policies":[%q],"bind_secret_id":false,"token_bound_cidrs":["127.0.0.1/32"]}`, p.mount))
	roleID := fmt.Sprint(p.must("GET", "auth/"+path+"/role/r/role-id", "")["role_id"])
	x := newProxy(t, p.addr)
	through := p
	through.addr = x.url
	src := sourceOf(t, open(t, impatient, through.settings(fmt.Sprintf(", auth: {method: approle, path: %s, roleId: %s}", path, roleID))))
	var once sync.Once
	x.when(func(method, _ string) (int, string) { // the token ends when the secrets are read
		if method == "GET" {
			once.Do(func() { p.must("POST", "sys/leases/revoke-prefix/auth/"+path, "") })
		}
		return 0, ""
	})
	all, err := src.List(t.Context())
	if err != nil || len(all) != 31 {
		t.Fatal(err, len(all))
	}
	if n := count(x.seen(), "POST auth/"); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}
