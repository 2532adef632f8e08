package secretsmanager

import (
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type createInput struct {
	payload
	Name                        *string
	ClientRequestToken          *string
	Description                 *string
	KmsKeyID                    *string `json:"KmsKeyId"`
	Tags                        []tag
	AddReplicaRegions           []replicaRegion
	ForceOverwriteReplicaSecret *bool
	Type                        *string
}

type createOutput struct {
	named
	VersionID         string          `json:"VersionId,omitempty"`
	ReplicationStatus []replicaStatus `json:",omitempty"`
}

func (in *createInput) check() *service.Error {
	var c checks
	c.required("name", in.Name != nil)
	c.id("name", in.Name, 0, 512)
	c.id("clientRequestToken", in.ClientRequestToken, 32, 64)
	c.length("description", in.Description, 0, 2048)
	c.length("kmsKeyId", in.KmsKeyID, 0, 2048)
	c.length("type", in.Type, 0, 256)
	in.payload.check(&c)
	checkTags(&c, in.Tags)
	checkReplicaRegions(&c, in.AddReplicaRegions)
	if err := c.err(); err != nil {
		return err
	}
	if !validName(*in.Name) {
		return invalidName()
	}
	if in.ClientRequestToken == nil {
		return missingToken("InvalidRequestException")
	}
	if err := in.payload.one(); err != nil {
		return err
	}
	return tagsAllowed(in.Tags, len(in.Tags))
}

func createSecret(c *call) (any, *service.Error) {
	in, err := decode[createInput](c.r)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	home, name, token := c.home(), *in.Name, *in.ClientRequestToken
	c.note(name)
	c.about.place = home
	st := c.lock(home)
	old := st.byName[name]
	x := &record{place: home, name: name, arn: home.arn(name + "-" + c.suffix())}
	f := found{ref: reference{place: home, name: name}, rec: old, arn: x.arn}
	if old != nil {
		f.arn = old.arn
	}
	if err := c.authorizeCreate(in, f); err != nil {
		return nil, err
	}
	if old != nil {
		return c.createAgain(old, token, in.payload)
	}

	if in.KmsKeyID != nil {
		x.keyID = home.keyID(*in.KmsKeyID)
	}
	if err := replicasAllowed(x, in.AddReplicaRegions); err != nil {
		return nil, err
	}
	c.about.arn = x.arn
	out := createOutput{named: named{x.arn, name}}
	if in.payload.given() {
		if _, err := c.write(x, x.keyID, token, in.payload, nil); err != nil {
			return nil, err
		}
		out.VersionID = token
	} else if x.keyID != "" {
		if err := c.probeKey(x, x.keyID); err != nil {
			return nil, err
		}
	}
	if faster := st.byName[name]; faster != nil {
		return c.createAgain(faster, token, in.payload)
	}
	x.created = c.r.Now
	x.description, x.kind = deref(in.Description), deref(in.Type)
	if len(in.Tags) > 0 {
		x.tags = in.Tags
	}
	st.insert(x)
	c.addReplicas(x, in.AddReplicaRegions, deref(in.ForceOverwriteReplicaSecret))
	x.touched(c.r.Now)
	c.replicate(x)
	out.ReplicationStatus = x.replicationStatus()
	return out, nil
}

func (c *call) authorizeCreate(in *createInput, f found) *service.Error {
	cond := conditions{}
	cond.text("secretsmanager:Name", in.Name)
	cond.text("secretsmanager:Description", in.Description)
	cond.text("secretsmanager:Type", in.Type)
	cond.key(f.ref.place, in.KmsKeyID)
	cond.requestTags(in.Tags)
	cond.replicaRegions(in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
	if err := c.authorize("CreateSecret", f, cond); err != nil {
		return err
	}
	if len(in.Tags) > 0 {
		tagging := conditions{}
		tagging.requestTags(in.Tags)
		if err := c.authorize("TagResource", f, tagging); err != nil {
			return err
		}
	}
	if len(in.AddReplicaRegions) > 0 {
		replicating := conditions{}
		replicating.replicaRegions(in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
		return c.authorize("ReplicateSecretToRegions", f, replicating)
	}
	return nil
}

// createAgain answers for a name that is taken: only the very same call once more succeeds.
func (c *call) createAgain(x *record, token string, p payload) (any, *service.Error) {
	c.about.arn = x.arn
	c.events = slices.DeleteFunc(c.events, func(e service.Event) bool { return !e.Trail }) // those of the version that is not taken
	if !x.deleted.IsZero() {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if x.byID[token] == nil || x.isReplica() {
		return nil, refuse("ResourceExistsException", "The operation failed because the secret %s already exists.", x.name)
	}
	if err := c.sameValue(x, token, p); err != nil {
		return nil, err
	}
	return createOutput{named: named{x.arn, x.name}, VersionID: token}, nil
}

// deref returns what p points to, and the zero value for nil.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
