package ssm

import (
	"strconv"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const maxLabels = 10 // of a version, and of a call

type labelInput struct {
	Name             *string
	ParameterVersion *int64
	Labels           []string
}

func (in *labelInput) check() checks {
	var bad checks
	bad.name(in.Name)
	bad.required("labels", in.Labels != nil)
	if in.Labels != nil {
		bad.size("labels", len(in.Labels), 1, maxLabels)
	}
	for _, label := range in.Labels {
		bad.length("labels", &label, 1, 100)
	}
	return bad
}

// labelParameterVersion moves labels to a version, the latest one where none is given. Labels that are none it names, and sets the others.
func labelParameterVersion(c *call) (any, *service.Error) {
	in, err := decode[labelInput](c.r)
	if err != nil {
		return nil, err
	}
	bad := in.check()
	if err := bad.err(); err != nil {
		return nil, err
	}
	x, err := c.parameter(*in.Name, "LabelParameterVersion")
	if err != nil {
		return nil, err
	}
	v := x.latest()
	if in.ParameterVersion != nil {
		if v = x.at(*in.ParameterVersion); v == nil {
			return nil, versionNotFound(x.name, strconv.FormatInt(*in.ParameterVersion, 10))
		}
	}
	out := struct {
		InvalidLabels    []string
		ParameterVersion int64
	}{[]string{}, v.number}
	next := make(map[string]bool)
	for _, label := range x.labelsOn(v.number) {
		next[label] = true
	}
	for _, label := range in.Labels {
		if !validLabel(label) {
			out.InvalidLabels = append(out.InvalidLabels, label)
			continue
		}
		next[label] = true
	}
	if len(next) > maxLabels {
		return nil, refuse("ParameterVersionLabelLimitExceeded",
			"A parameter version can have maximum %d labels.Move one or more labels to another version and try again.", maxLabels)
	}
	moved := false
	for label := range next {
		moved = moved || x.labels[label] != v.number
		x.labels[label] = v.number
	}
	if moved {
		c.change(x, "LabelParameterVersion")
	}
	return out, nil
}

// unlabelParameterVersion takes labels off a version. Those that it does not have it names.
func unlabelParameterVersion(c *call) (any, *service.Error) {
	in, err := decode[labelInput](c.r)
	if err != nil {
		return nil, err
	}
	bad := in.check()
	bad.required("parameterVersion", in.ParameterVersion != nil)
	if err := bad.err(); err != nil {
		return nil, err
	}
	x, err := c.parameter(*in.Name, "UnlabelParameterVersion")
	if err != nil {
		return nil, err
	}
	number := *in.ParameterVersion
	if x.at(number) == nil {
		return nil, versionNotFound(x.name, strconv.FormatInt(number, 10))
	}
	out := struct{ RemovedLabels, InvalidLabels []string }{[]string{}, []string{}}
	for _, label := range in.Labels {
		if x.labels[label] != number {
			out.InvalidLabels = append(out.InvalidLabels, label)
			continue
		}
		delete(x.labels, label)
		out.RemovedLabels = append(out.RemovedLabels, label)
	}
	return out, nil
}

// validLabel says whether a text can be a label.
func validLabel(label string) bool {
	lower := strings.ToLower(label)
	return label != "" && spelled(label) && (label[0] < '0' || label[0] > '9') && !strings.HasPrefix(lower, "aws") && !strings.HasPrefix(lower, "ssm")
}
