package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/store"

// Access returns every action that the calls of this package need. GetCallerIdentity is not among them: it needs no permission.
func (s *sm) Access(use store.Use) []store.Access {
	sm := func(action, resource string, optional bool) store.Access {
		return store.Access{Action: "secretsmanager:" + action, Resource: resource, Optional: optional}
	}
	kms := func(action string, optional bool) store.Access {
		return store.Access{Action: "kms:" + action, Resource: store.ScopeKey, Optional: optional}
	}
	switch use {
	case store.UseSource:
		return []store.Access{
			sm("ListSecrets", store.ScopeAny, false),
			sm("DescribeSecret", store.ScopeSecret, false),
			sm("BatchGetSecretValue", store.ScopeAny, true), // else GetSecretValue, one by one
			sm("GetSecretValue", store.ScopeSecret, false),
			kms("Decrypt", false),
		}
	case store.UseWrite:
		all := []store.Access{
			sm("ListSecrets", store.ScopeAny, true), // else DescribeSecret, one by one
			sm("DescribeSecret", store.ScopeSecret, false),
			sm("CreateSecret", store.ScopeSecret, false),
			sm("PutSecretValue", store.ScopeSecret, false),
			sm("UpdateSecretVersionStage", store.ScopeSecret, true), // else the value under another id
			sm("UpdateSecret", store.ScopeSecret, false),
			sm("TagResource", store.ScopeSecret, false),
		}
		if s.Key() != "" {
			all = append(all,
				kms("GenerateDataKey", false), // for every value that is written
				kms("Decrypt", false),         // for one that is there already, which is compared
				kms("Encrypt", false),         // for a change of the key
				kms("DescribeKey", true),      // else an alias and an id are taken for one key
			)
		}
		return all
	case store.UseDelete:
		return []store.Access{
			sm("DeleteSecret", store.ScopeSecret, false),
			sm("RestoreSecret", store.ScopeSecret, false),
			sm("TagResource", store.ScopeSecret, false),
			sm("UntagResource", store.ScopeSecret, false),
		}
	case store.UseVerify:
		all := []store.Access{
			sm("BatchGetSecretValue", store.ScopeAny, true), // else GetSecretValue, one by one
			sm("GetSecretValue", store.ScopeSecret, false),
		}
		if s.Key() != "" {
			all = append(all, kms("Decrypt", false))
		}
		return all
	case store.UseRotate:
		return []store.Access{
			sm("DescribeSecret", store.ScopeSecret, false),
			sm("ListSecretVersionIds", store.ScopeSecret, true), // else how old the current version is stays unknown
			sm("GetSecretValue", store.ScopeSecret, false),
			sm("PutSecretValue", store.ScopeSecret, false),
			sm("UpdateSecretVersionStage", store.ScopeSecret, false),
			sm("RotateSecret", store.ScopeSecret, true), // only for a secret that has a rotation of its own
			kms("Decrypt", false),
			kms("GenerateDataKey", false),
		}
	case store.UseConnect:
		return s.Connect()
	}
	return nil
}
