package parameterstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

const labelPattern = `^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$`

// pin makes metas, which are of entries in that order, those of the versions that carry the label. A listing does not tell labels, so they are asked for by
// GetParameters, without decryption: what comes back of a SecureString is no value. Parameters of other types, whose values would come, are not asked for.
func (c *client) pin(ctx context.Context, metas []secret.Meta, entries []entry, label string) error {
	var names []string
	for i := range entries {
		if entries[i].kind == types.ParameterTypeSecureString {
			names = append(names, string(entries[i].name)+":"+label)
		}
	}
	found := map[secret.Name]secret.Version{}
	for chunk := range slices.Chunk(names, batchSize) {
		out, err := c.api.GetParameters(ctx, &api.GetParametersInput{Names: chunk})
		if err != nil {
			return c.Fail("GetParameters", secret.Name(strings.Join(chunk, ", ")), err)
		}
		for i := range out.Parameters {
			p := &out.Parameters[i]
			found[secret.Name(aws.ToString(p.Name))] = versionAt(p.Version, aws.ToTime(p.LastModifiedDate))
		}
	}
	for i := range metas {
		m := &metas[i]
		m.Version, m.Held, m.NoValue = found[m.Name], nil, ""
		switch {
		case m.Version != "":
			m.Held = []secret.Version{m.Version}
		case entries[i].kind != types.ParameterTypeSecureString:
			m.NoValue = fmt.Sprintf("it is a %s: by label only a SecureString is read", entries[i].kind)
		default:
			m.NoValue = fmt.Sprintf("no version carries the label %q", label)
		}
	}
	return nil
}
