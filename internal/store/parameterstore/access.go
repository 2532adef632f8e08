package parameterstore

import (
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// Access returns every action that the calls of this package need. GetCallerIdentity is not among them: it needs no permission.
func (s *parameters) Access(use store.Use) []store.Access {
	ssm := func(action, resource string, optional bool) store.Access {
		return store.Access{Action: "ssm:" + action, Resource: resource, Optional: optional}
	}
	switch use {
	case store.UseSource:
		return []store.Access{
			ssm("DescribeParameters", store.ScopeAny, false),
			ssm("GetParameters", store.ScopeParameter, true), // else GetParameter, one by one
			ssm("GetParameter", store.ScopeParameter, false), // also what proves that a parameter is gone
			{Action: "kms:Decrypt", Resource: store.ScopeKey},
		}
	case store.UseWrite:
		return append([]store.Access{
			ssm("DescribeParameters", store.ScopeAny, true),         // else GetParameterHistory, one by one
			ssm("GetParameterHistory", store.ScopeParameter, false), // also for the mark of a copy whose description was overwritten
			ssm("PutParameter", store.ScopeParameter, false),
			ssm("GetParameter", store.ScopeParameter, true), // else a change of the key or of the sync waits for the next value
		}, s.keyAccess(true)...)
	case store.UseDelete:
		return append([]store.Access{
			ssm("GetParameter", store.ScopeParameter, false), // the mark of a deletion is written with the value that is there
			ssm("PutParameter", store.ScopeParameter, false),
			ssm("DeleteParameter", store.ScopeParameter, false),
		}, s.keyAccess(false)...)
	case store.UseVerify:
		all := []store.Access{
			ssm("GetParameters", store.ScopeParameter, true), // else GetParameter, one by one
			ssm("GetParameter", store.ScopeParameter, false),
		}
		if s.Key() != "" {
			all = append(all, store.Access{Action: "kms:Decrypt", Resource: store.ScopeKey})
		}
		return all
	case store.UseRotate:
		kms := func(action string, optional bool) store.Access {
			return store.Access{Action: "kms:" + action, Resource: store.ScopeKey, Optional: optional}
		}
		beside := func(action string) store.Access {
			return store.Access{Action: "ssm:" + action, Resource: store.ScopeParameter, Beside: besideSuffix}
		}
		return []store.Access{
			ssm("GetParameterHistory", store.ScopeParameter, false), beside("GetParameterHistory"),
			ssm("GetParameter", store.ScopeParameter, false), beside("GetParameter"),
			ssm("PutParameter", store.ScopeParameter, false), beside("PutParameter"),
			ssm("LabelParameterVersion", store.ScopeParameter, false),
			beside("DeleteParameter"),
			kms("Decrypt", false),
			kms("Encrypt", s.tier == types.ParameterTierAdvanced),
			kms("GenerateDataKey", s.tier == types.ParameterTierStandard),
		}
	case store.UseConnect:
		return s.Connect()
	}
	return nil
}

// keyAccess returns what writing needs of the key of the copies: values of the standard tier are encrypted by the key itself, those of the advanced tier by a data
// key. An Advanced copy stays Advanced whatever the tier.
func (s *parameters) keyAccess(readOptional bool) []store.Access {
	if s.Key() == "" {
		return nil
	}
	kms := func(action string, optional bool) store.Access {
		return store.Access{Action: "kms:" + action, Resource: store.ScopeKey, Optional: optional}
	}
	all := []store.Access{
		kms("GenerateDataKey", s.tier == types.ParameterTierStandard),
		kms("Decrypt", readOptional),
		kms("DescribeKey", true), // else an alias and an id are taken for one key
	}
	if s.tier != types.ParameterTierAdvanced {
		all = append(all, kms("Encrypt", false))
	}
	return all
}
