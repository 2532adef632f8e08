package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/shape"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// way is how copies get their names and values by one route.
type way struct {
	namer  *shape.Namer // nil: the store's own way
	space  *shape.Namer // of the namespace; nil: the store's own, or as byName says
	byName bool
	shaper *shape.Shaper
	keys   []string // of a split; nil: one copy
	merge  bool
	shape  *plan.Shape // nil: as it is
	err    error
}

func newWay(to *plan.Route) *way {
	w := &way{byName: to.ByName}
	if to.Namespace != "" {
		if w.space, w.err = shape.CompileName(to.Namespace); w.err != nil {
			return w
		}
	}
	if to.Name != "" && to.Name != shape.SplitName {
		if w.namer, w.err = shape.CompileName(to.Name); w.err != nil {
			return w
		}
	}
	if to.Shape.IsZero() {
		return w
	}
	w.shape, w.keys, w.merge = to.Shape, to.Shape.Split, to.Shape.Merge != ""
	w.shaper, w.err = shape.Compile(*to.Shape)
	return w
}

// parts returns the keys that a source has a copy of its own for: one that is empty where there is only one copy.
func (w *way) parts() []string {
	if w.keys == nil {
		return []string{""}
	}
	return w.keys
}

// within returns the namespace that the copies of a source go to, empty for the store's own; or why there are none by this way: the source's name is not for it.
func (w *way) within(to store.Store, source secret.Name) (namespace, nowhere string, err error) {
	switch {
	case w.byName:
		at, _ := to.Fixed()
		parts := strings.Split(string(source), "/")
		switch {
		case len(parts) != 3 || slices.Contains(parts, ""):
			return "", "its name is not CLUSTER/NAMESPACE/NAME", nil
		case parts[0] != at.Cluster:
			return "", fmt.Sprintf("its name is for the cluster %q, and this is %q", parts[0], at.Cluster), nil
		}
		return parts[1], "", nil
	case w.space != nil:
		name, err := w.space.Name(shape.About{Name: source})
		return string(name), "", err
	}
	return "", "", nil
}

// name returns the name of a copy.
func (w *way) name(to store.Store, source secret.Name, key string) (secret.Name, error) {
	if w.byName {
		source = source[strings.LastIndex(string(source), "/")+1:]
	}
	switch {
	case w.namer == nil && key != "":
		return to.CopyName(source + "/" + secret.Name(key)), nil
	case w.namer == nil:
		return to.CopyName(source), nil
	}
	name, err := w.namer.Name(shape.About{Name: source, Key: key})
	return name, err
}

// names returns the names of all copies of a source, or why one can't be made.
func (w *way) names(to store.Store, source secret.Name) ([]secret.Name, error) {
	var all []secret.Name
	for _, key := range w.parts() {
		name, err := w.name(to, source, key)
		if err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, nil
}

// value makes the value of a copy. What it returns may be the input's own.
func (w *way) value(inputs []input, key string) (secret.Value, error) {
	if w.shape.AsIs() {
		return inputs[0].value, nil
	}
	all := make([]shape.Input, len(inputs))
	for i, in := range inputs {
		all[i] = shape.Input{Name: in.meta.Name, Value: in.value}
	}
	return w.shaper.Make(all, key)
}
