package iam

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// suffix stands for the six characters that Secrets Manager adds to a name to make an ARN.
const suffix = "-??????"

// service returns the name of a need's service, as ARNs and kms:ViaService have it.
func (n need) service() string {
	if n.store.Traits().Kind == secret.ParameterStore {
		return "ssm"
	}
	return "secretsmanager"
}

// secrets returns the ARNs of a need's secrets, as its service makes them, sorted.
func (n need) secrets(partition string) []string {
	var all []string
	for _, name := range n.names {
		resource := "secret:" + name.String()
		switch {
		case n.service() == "ssm":
			resource = "parameter/" + name.unrooted().String() // "/a" and "a" have one ARN
		case !strings.HasSuffix(name.rest, anything):
			resource += suffix
		}
		all = append(all, n.arns(partition, n.service(), resource)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// arns returns the ARNs of a resource in each Region.
func (n need) arns(partition, service, resource string) []string {
	all := make([]string, 0, len(n.regions))
	for _, region := range n.regions {
		all = append(all, strings.Join([]string{"arn", partition, service, region, string(n.account), resource}, ":"))
	}
	return all
}

// encrypting adds that a key is used for the need's secrets.
func (n need) encrypting(partition string, c Condition) Condition {
	key := "SecretARN"
	if n.service() == "ssm" {
		key = "PARAMETER_ARN"
	}
	return c.with("StringLike", "kms:EncryptionContext:"+key, n.secrets(partition)...)
}

// known reports whether the Regions are.
func (n need) known() bool { return !slices.Contains(n.regions, anything) }

// requested limits what takes no resource to the need's Regions.
func (n need) requested() Condition {
	if !n.known() {
		return nil
	}
	return Condition(nil).with("StringEquals", "aws:RequestedRegion", n.regions...)
}

// via adds that a key is used through its service in the need's Regions.
func (n need) via(partition string, c Condition) Condition {
	suffix := ".amazonaws.com"
	if partition == "aws-cn" {
		suffix += ".cn"
	}
	services := make([]string, 0, len(n.regions))
	for _, region := range n.regions {
		services = append(services, n.service()+"."+region+suffix)
	}
	if n.known() {
		return c.with("StringEquals", "kms:ViaService", services...)
	}
	return c.with("StringLike", "kms:ViaService", services...)
}
