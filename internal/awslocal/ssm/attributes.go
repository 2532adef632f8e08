package ssm

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	maxStandard = 4096 // bytes of a value
	maxAdvanced = 8192
	maxPolicies = 10
)

// nested says whether a value holds what AWS takes for a reference to another parameter: two braces, and later the two that close them.
func nested(value string) bool {
	_, after, ok := strings.Cut(value, "{{")
	return ok && strings.Contains(after, "}}")
}

// setType sets type, key and data type. AWS documents that the type of a parameter can't change.
func (in *putInput) setType(v *version) *service.Error {
	switch {
	case in.Type == nil && v.kind == "":
		return validation("A parameter type is required when you create a parameter.")
	case in.Type == nil:
	case v.kind != "" && v.kind != *in.Type:
		return refuse("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, "+
			"you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.")
	default:
		v.kind = *in.Type
	}
	if v.kind != typeSecure && in.KeyID != nil {
		return validation("KeyId is required for SecureString type parameter only.")
	}
	if v.kind == typeSecure {
		if in.KeyID != nil {
			v.keyID = *in.KeyID
		} else if v.keyID == "" {
			v.keyID = managedKey
		}
	}
	if in.DataType != nil {
		if !slices.Contains([]string{"text", "aws:ec2:image", "aws:ssm:integration"}, *in.DataType) {
			return validation("The following data type is not supported: %s (Data type names are all lowercase.)", *in.DataType)
		}
		v.dataType = *in.DataType
	}
	return nil
}

// setTier sets the tier, and says whether the value fits into it:
//
//	asked for             before     becomes
//	nothing               any        what it was; Standard where there was none
//	Standard              Advanced   (refused)
//	Intelligent-Tiering   Advanced   Advanced
//	Intelligent-Tiering   other      Advanced where the value is over 4,096 bytes or there are policies, else Standard
//	otherwise             any        what is asked for
func (in *putInput) setTier(v *version) *service.Error {
	before, size := v.tier, len(*in.Value)
	switch asked := deref(in.Tier); {
	case asked == tierStandard && before == tierAdvanced:
		return validation("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. " +
			"If necessary, you can delete the advanced parameter and recreate it as a standard parameter. Be aware that standard parameters have a value limit of 4096 characters.")
	case asked == tierIntelligent && (size > maxStandard || len(v.policies) > 0), asked == tierAdvanced:
		v.tier = tierAdvanced
	}
	switch {
	case v.tier == tierStandard && size > maxStandard:
		return validation("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use "+
			"the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html", maxStandard)
	case size > maxAdvanced:
		return validation("Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	case v.tier == tierStandard && len(v.policies) > 0:
		return validation("Parameter policies are only supported by the advanced-parameter tier.")
	case nested(*in.Value):
		return validation(`Parameter value can't nest another parameter. Do not use "{{}}" in the value.`)
	}
	return nil
}

// setPattern sets the pattern, and says whether the value matches it.
func (in *putInput) setPattern(v *version) *service.Error {
	if in.AllowedPattern != nil {
		v.pattern = *in.AllowedPattern
	}
	if v.pattern == "" {
		return nil
	}
	pattern, err := regexp.Compile(v.pattern)
	if err != nil {
		return refuse("InvalidAllowedPatternException", "The request doesn't meet the regular expression requirement.")
	}
	if !pattern.MatchString(*in.Value) {
		return refuse("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", v.pattern)
	}
	return nil
}

// policy is a policy of a parameter as it is shown. Policies are kept and shown, and nothing carries them out.
type policy struct {
	PolicyText   string
	PolicyType   string
	PolicyStatus string
}

// parsePolicies reads the list of policies of a request; an empty list takes all away.
func parsePolicies(text string) ([]policy, *service.Error) {
	var raw []json.RawMessage
	if json.Unmarshal([]byte(text), &raw) != nil {
		return nil, refuse("InvalidPolicyAttributeException", "A policy attribute or its value is invalid.")
	}
	if len(raw) > maxPolicies {
		return nil, refuse("PoliciesLimitExceededException", "You specified more than the maximum number of allowed policies for the parameter. The maximum is %d.", maxPolicies)
	}
	var policies []policy
	for _, r := range raw {
		var p struct{ Type string }
		if json.Unmarshal(r, &p) != nil || !slices.Contains([]string{"Expiration", "ExpirationNotification", "NoChangeNotification"}, p.Type) {
			return nil, refuse("InvalidPolicyTypeException", "The policy type isn't supported. Parameter Store supports the following policy types: "+
				"Expiration, ExpirationNotification, and NoChangeNotification.")
		}
		policies = append(policies, policy{PolicyText: string(r), PolicyType: p.Type, PolicyStatus: "Pending"})
	}
	return policies, nil
}
