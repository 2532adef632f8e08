package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	vault "github.com/hashicorp/vault/api"
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

const (
	recipes       = "../../docs/example/reading"
	recipeAccount = "123456789012"
	recipeSecret  = `{"username": "app", "password": "` + canary + `"}`
)

// recipe returns a file of the recipes, which the page must link to.
func recipe(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recipes, name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(readingPage(t), "(example/reading/"+name+")") {
		t.Errorf("docs/reading.md does not link to %s", name)
	}
	return data
}

func readingPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/reading.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// shellBlock matches a block of commands on the page.
var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commands returns the commands of the page that begin with one of these programs, in order, each on one line.
func commands(t *testing.T, programs ...string) []string {
	t.Helper()
	var all []string
	for _, block := range shellBlock.FindAllStringSubmatch(readingPage(t), -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			for _, p := range programs {
				if strings.HasPrefix(line, p+" ") {
					all = append(all, strings.TrimSpace(line))
				}
			}
		}
	}
	return all
}

// S2-04, S2-05: what the page says to type is typed, in a copy of the folder of the recipes, against moto.
func TestTheCommandsOfTheRecipesAreWhatAWSTakes(t *testing.T) {
	moto := storetest.Moto(t)
	if _, err := exec.LookPath("aws"); err != nil {
		if storetest.Required("moto") {
			t.Fatal("the AWS CLI is needed to try the recipes: pip install awscli")
		}
		t.Skip("there is no AWS CLI")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(recipes)); err != nil {
		t.Fatal(err)
	}
	shell := func(command string) string {
		t.Helper()
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+moto, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull)
		var failed strings.Builder
		cmd.Stderr = &failed
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, failed.String())
		}
		return string(out)
	}

	// What the recipes take for granted: roles, secrets, and a layer, which moto knows in its own account only.
	for _, role := range []string{"app", "app-build", "app-execution"} {
		shell("aws iam create-role --role-name " + role + ` --assume-role-policy-document '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'`)
		shell("aws iam put-role-policy --role-name " + role + " --policy-name read --policy-document file://policy.json")
		shell("aws iam put-role-policy --role-name " + role + " --policy-name read-by-path --policy-document file://parameter-policy.json")
	}
	for _, name := range []string{"app/db", "app/hive-password"} {
		shell("aws secretsmanager create-secret --name " + name + " --secret-string '" + recipeSecret + "'")
	}
	shell("python3 -m zipfile -c layer.zip handler.py && aws lambda publish-layer-version --layer-name AWS-Parameters-and-Secrets-Lambda-Extension --zip-file fileb://layer.zip")
	function := regexp.MustCompile(`:177933569100:(layer:[A-Za-z-]+):\d+`).ReplaceAll(recipe(t, "lambda-function.json"), []byte(":"+recipeAccount+":$1:1"))
	if err := os.WriteFile(filepath.Join(dir, "lambda-function.json"), function, 0o600); err != nil {
		t.Fatal(err)
	}

	all := commands(t, "aws", "python3")
	if len(all) != 9 {
		t.Errorf("the page has %d commands, want 9: %q", len(all), all)
	}
	answers := map[string]string{}
	for _, command := range all {
		words := strings.Fields(command)
		answers[words[1]+" "+words[2]] = shell(command)
	}
	for command, want := range map[string][]string{
		"ecs register-task-definition":       {`"DB_PASSWORD_BEFORE"`, `app/db-AbCdEf:password:AWSPREVIOUS:"`},
		"codebuild create-project":           {`"SECRETS_MANAGER"`, `"app/db:username"`},
		"emr create-cluster":                 {`"ClusterArn"`},
		"emr-serverless create-application":  {`"applicationId"`},
		"secretsmanager put-resource-policy": {`"ARN"`},
		"lambda create-function":             {`"FunctionArn"`, `AWS-Parameters-and-Secrets-Lambda-Extension`},
		"cloudformation validate-template":   {`"Description": "A database`},
		"ssm get-parameter":                  {recipeSecret},
	} {
		for _, part := range want {
			if !strings.Contains(answers[command], part) {
				t.Errorf("%s does not answer %s:\n%s", command, part, answers[command])
			}
		}
	}
	var clusters struct{ Clusters []struct{ ID string } }
	if err := json.Unmarshal([]byte(shell("aws emr list-clusters")), &clusters); err != nil || len(clusters.Clusters) != 1 {
		t.Fatalf("%v, %+v", err, clusters)
	}
	if got := shell("aws emr describe-cluster --cluster-id " + clusters.Clusters[0].ID); !strings.Contains(got, `"EMR.secret@javax.jdo.option.ConnectionPassword": "arn:aws:secretsmanager:`) {
		t.Errorf("the cluster does not have the reference:\n%s", got)
	}
}

func TestTheFilesOfTheRecipesAreWhole(t *testing.T) {
	entries, err := os.ReadDir(recipes)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data := recipe(t, e.Name())
		if strings.HasSuffix(e.Name(), ".json") && !json.Valid(data) {
			t.Errorf("%s is no JSON", e.Name())
		}
	}

	var task struct {
		ContainerDefinitions []struct {
			Secrets []struct{ Name, ValueFrom string }
		}
	}
	if err := json.Unmarshal(recipe(t, "ecs-task-definition.json"), &task); err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}(:[^:]*:[^:]*:[^:]*)?$`)
	for _, s := range task.ContainerDefinitions[0].Secrets {
		if !form.MatchString(s.ValueFrom) {
			t.Errorf("%s is not ARN or ARN:KEY:STAGE:VERSION: %s", s.Name, s.ValueFrom)
		}
	}

	var project struct{ Source struct{ Buildspec string } }
	if err := json.Unmarshal(recipe(t, "codebuild-project.json"), &project); err != nil {
		t.Fatal(err)
	}
	var buildspec struct {
		Version string
		Env     struct {
			Secrets map[string]string `yaml:"secrets-manager"`
		}
		Phases map[string]struct{ Commands []string }
	}
	if err := yaml.Unmarshal([]byte(project.Source.Buildspec), &buildspec); err != nil || buildspec.Version != "0.2" || buildspec.Env.Secrets["DB_PASSWORD"] != "app/db:password" || len(buildspec.Phases["build"].Commands) != 1 {
		t.Errorf("the buildspec: %v, %+v", err, buildspec)
	}

	var template struct {
		Resources map[string]struct {
			Type      string   `yaml:"Type"`
			DependsOn []string `yaml:"DependsOn"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(recipe(t, "cloudformation.yaml"), &template); err != nil || template.Resources["Attachment"].Type != "AWS::SecretsManager::SecretTargetAttachment" ||
		strings.Join(template.Resources["Rotation"].DependsOn, " ") != "Attachment MayRotate" {
		t.Errorf("the template: %v, %+v", err, template)
	}
}

func TestTheTemplateHasNothingThatCfnLintFinds(t *testing.T) {
	recipe(t, "cloudformation.yaml")
	if _, err := exec.LookPath("cfn-lint"); err != nil {
		if storetest.Required("moto") { // which is a program of Python too
			t.Fatal("cfn-lint is needed to look at the template: pip install cfn-lint")
		}
		t.Skip("there is no cfn-lint")
	}
	if out, err := exec.Command("cfn-lint", filepath.Join(recipes, "cloudformation.yaml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// reader is an embedded AWS where IAM counts, with the roles of the recipes.
func reader(t *testing.T) *awslocal.Server {
	t.Helper()
	document := func(file string) []policy.Document {
		d, err := policy.ParseIdentity(recipe(t, file))
		if err != nil {
			t.Fatal(err)
		}
		return []policy.Document{d}
	}
	const keyID = "0a1b2c3d-4e5f-4a6b-8c7d-0a1b2c3d4e5f" // as in policy.json
	server, err := awslocal.New(awslocal.Options{EnforceIAM: true, Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{recipeAccount: {
		Users: map[string]awslocal.SeedUser{"admin": {AccessKeyID: recipeAccount}},
		Roles: map[string]awslocal.SeedRole{
			"app":  {AccessKeyID: "APP", Policies: document("policy.json")},
			"path": {AccessKeyID: "PATH", Policies: document("parameter-policy.json")},
		},
		Regions: map[string]awslocal.SeedRegion{"us-east-1": {
			Keys: map[string]awslocal.SeedKey{"alias/app": {ID: keyID}},
			Secrets: map[string]awslocal.SeedSecret{
				"app/db": {Value: recipeSecret, KMSKey: "alias/app"}, "app/db-other": {Value: canary, KMSKey: "alias/app"}, "app/dbs": {Value: canary}, "plain": {Value: canary},
			},
		}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func TestThePoliciesOfTheRecipesAllowToReadOneSecretAndNothingElse(t *testing.T) {
	server := reader(t)
	as := func(key string) aws.Config {
		return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: server.Transport()},
			Credentials: credentials.NewStaticCredentialsProvider(key, "x", ""), Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	}
	sm := secretsmanager.NewFromConfig(as("APP"))
	read := func(name string) error {
		_, err := sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
		return err
	}
	if err := read("app/db"); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"app/db-other", "app/dbs", "plain"} {
		if read(other) == nil {
			t.Errorf("%s can be read", other)
		}
	}
	if _, err := sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("app/db"), SecretString: aws.String("x")}); err == nil {
		t.Error("app/db can be written")
	}
	sealed, err := kms.NewFromConfig(as(recipeAccount)).Encrypt(t.Context(), &kms.EncryptInput{KeyId: aws.String("alias/app"), Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kms.NewFromConfig(as("APP")).Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob}); err == nil {
		t.Error("the key opens what is not a secret's")
	}

	byPath := func(name string) (string, error) {
		in := &ssm.GetParameterInput{Name: aws.String("/aws/reference/secretsmanager/" + name), WithDecryption: aws.Bool(true)}
		out, err := ssm.NewFromConfig(as("PATH")).GetParameter(t.Context(), in)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Parameter.Value), nil
	}
	for _, name := range []string{"app/db", "plain"} { // the key of app/db is the other policy's
		if _, err := byPath(name); err == nil {
			t.Errorf("%s can be read by its path", name)
		}
	}
	if _, err := secretsmanager.NewFromConfig(as(recipeAccount)).UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: aws.String("app/db"), KmsKeyId: aws.String("alias/aws/secretsmanager")}); err != nil {
		t.Fatal(err)
	}
	for _, selector := range []string{"", ":AWSCURRENT"} {
		if got, err := byPath("app/db" + selector); err != nil || got != recipeSecret {
			t.Errorf("%q: %v", selector, err)
		}
	}
}

func TestTheHandlerOfTheRecipeReadsThroughTheExtension(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if storetest.Required("moto") {
			t.Fatal("there is no python3")
		}
		t.Skip("there is no python3")
	}
	recipe(t, "handler.py")
	extension := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Parameters-Secrets-Token") != "session" || r.URL.Path != "/secretsmanager/get" || r.URL.Query().Get("secretId") != "app/db" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Name": "app/db", "SecretString": recipeSecret, "VersionStages": []string{"AWSCURRENT"}})
	}))
	t.Cleanup(extension.Close)
	at, err := url.Parse(extension.URL)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-B", "-c", "import handler, json; print(json.dumps(handler.handler({}, None)))")
	cmd.Dir = recipes
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_SESSION_TOKEN=session", "DB_SECRET=app/db", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=" + at.Port()}
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PYENV") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != `{"user": "app", "known": true}` {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAKubernetesServerTakesTheDeploymentOfTheRecipe(t *testing.T) {
	namespace := apiserver.Namespace(t, "reading")
	var deployment map[string]any
	if err := yaml.Unmarshal(recipe(t, "kubernetes-deployment.yaml"), &deployment); err != nil {
		t.Fatal(err)
	}
	var made struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						EnvFrom []struct{ SecretRef struct{ Name string } }
					}
					Volumes []struct{ Secret struct{ DefaultMode int } }
				}
			}
		}
	}
	apiserver.Must(t, http.MethodPost, "/apis/apps/v1/namespaces/"+namespace+"/deployments?dryRun=All&fieldValidation=Strict", deployment, &made)
	if spec := made.Spec.Template.Spec; spec.Containers[0].EnvFrom[0].SecretRef.Name != "db" || spec.Volumes[0].Secret.DefaultMode != 0o400 {
		t.Errorf("got %+v", made)
	}
}

// execInto runs `secretsync exec` with what comes out of a store, in a folder with a configuration, and returns what the command printed.
func execInto(t *testing.T, config string, env []string, args ...string) (out string, code int) {
	t.Helper()
	binary, dir := filepath.Join(t.TempDir(), "secretsync"), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/secretsync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "secretsync.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"exec"}, args...)...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if strings.Contains(said.String(), canary) {
		t.Errorf("a value shows:\n%s", said.String())
	}
	return said.String(), cmd.ProcessState.ExitCode()
}

// compare is a command that tells, without printing it, whether it has the canary in a variable, that its arguments do not have it, and who may read its environment.
const compare = `test "$DB_PASSWORD" = "$WANT" && ! grep -qa "$WANT" /proc/$$/cmdline && test "$(stat -c %a /proc/$$/environ)" = 400 && echo "$DB_USERNAME"`

func TestACommandHasASecretOfVaultInItsEnvironment(t *testing.T) {
	address := server.Addr(t)
	client, err := vault.NewClient(&vault.Config{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(storetest.VaultRoot)
	if _, err := client.Logical().WriteBytes("secret/data/reading/db", []byte(`{"data": `+recipeSecret+`}`)); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`version: 1
stores:
  vault: {type: vault, address: %q, mount: secret}
  hub: {type: aws-secrets-manager, region: us-east-1}
syncs:
  - {name: vault-to-hub, from: vault, select: {prefix: [reading/]}, to: [{store: hub}]}
`, address)
	env := []string{"VAULT_TOKEN=" + storetest.VaultRoot, "WANT=" + canary}
	out, code := execInto(t, config, env, "--without-credentials", "DB_*=reading/db", "--", "sh", "-c", `test -z "$VAULT_TOKEN" && `+compare)
	if code != 0 || out != "app\n" {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code = execInto(t, config, env, "reading/gone", "--", "true"); code != 1 || !strings.Contains(out, `"reading/gone"`) || !strings.Contains(out, "not found") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestACommandHasASecretOfKubernetesInItsEnvironment(t *testing.T) {
	c := newCluster(t, nil)
	apiserver.Must(t, http.MethodPost, "/api/v1/namespaces/"+c.namespace+"/secrets", map[string]any{"metadata": map[string]any{"name": "db"}, "stringData": map[string]any{"username": "app", "password": canary}}, nil)
	config := strings.Replace(c.config, "cluster: prod,", "cluster: prod, namespace: "+c.namespace+",", 1)
	out, code := execInto(t, config, append(c.env, "WANT="+canary), "--store", "prod", "DB_*=db", "--", "sh", "-c", compare)
	if code != 0 || out != "app\n" {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
