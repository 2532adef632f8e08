package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

type stageInput struct {
	SecretID            *string `json:"SecretId"`
	VersionStage        *string
	RemoveFromVersionID *string `json:"RemoveFromVersionId"`
	MoveToVersionID     *string `json:"MoveToVersionId"`
}

func updateSecretVersionStage(c *call) (any, *service.Error) {
	in, err := decode[stageInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.required("versionStage", in.VersionStage != nil)
	bad.length("versionStage", in.VersionStage, 1, 256)
	bad.id("removeFromVersionId", in.RemoveFromVersionID, 32, 64)
	bad.id("moveToVersionId", in.MoveToVersionID, 32, 64)
	if err := bad.err(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.text("secretsmanager:VersionStage", in.VersionStage)
	x, err := c.writable(*in.SecretID, "UpdateSecretVersionStage", cond)
	if err != nil {
		return nil, err
	}
	if err := unmanaged(x); err != nil {
		return nil, err
	}
	next, err := x.restage(*in.VersionStage, deref(in.RemoveFromVersionID), deref(in.MoveToVersionID))
	if err != nil {
		return nil, err
	}
	c.relabel(x, next)
	x.touched(c.r.Now)
	c.replicate(x)
	return named{x.arn, x.name}, nil
}

// restage returns the labels after a label was moved from one version to another. Either may be "":
//
//	holder of the label   from      to       result
//	none                  ""        v        attached to v
//	h                     ""        h        unchanged
//	h                     ""        v        refused: from must name h
//	any                   not h     any      refused
//	h                     h         v        moved
//	h                     h         ""       removed; refused for AWSCURRENT
//	any                   ""        ""       refused
func (x *record) restage(label, from, to string) (labels, *service.Error) {
	for _, id := range []string{from, to} {
		if id != "" && x.byID[id] == nil {
			return nil, invalidParameter("Not a valid version: %s", id)
		}
	}
	holder := x.labels[label]
	switch {
	case from == "" && to == "":
		return nil, invalidParameter("You must provide RemoveFromVersionId, MoveToVersionId, or both.")
	case to == "" && label == current:
		return nil, invalidParameter("You can only move staging label %s to a different secret version. It can’t be completely removed.", current)
	case from == "" && holder != "" && holder != to:
		return nil, invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, "+
			"so you must explicitly reference that version in RemoveFromVersionId.", label, holder)
	case from != "" && holder == "":
		return nil, invalidParameter("Staging label %s is not currently attached to version %s.", label, from)
	case from != "" && from != holder:
		return nil, invalidParameter("When you move staging label %s, if you specify RemoveFromVersionId, it must be set to the version "+
			"that currently has the staging label %s.", label, holder)
	}
	next := x.labels.moved(label, to)
	return next, next.check()
}
