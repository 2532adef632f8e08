package kubernetes

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fields are what the server keeps on who set which key of a Secret's data. A write of another value takes a key from everybody who set it before,
// so a key that is ours holds what we wrote. Others may share it: they have set the same value.
type fields struct {
	ours    map[string]bool // set by our server-side apply
	theirs  map[string]bool // set by anybody else
	touched time.Time       // the last time that somebody else came to set other keys than before; zero: never
	changed time.Time       // the last of all
}

// fieldsOf reads a Secret's managed fields. What can't be read is nobody's.
func fieldsOf(managed []metav1.ManagedFieldsEntry) fields {
	f := fields{ours: map[string]bool{}, theirs: map[string]bool{}}
	for _, m := range managed {
		when := time.Time{}
		if m.Time != nil {
			when = m.Time.UTC()
		}
		if when.After(f.changed) {
			f.changed = when
		}
		var set struct {
			Data map[string]json.RawMessage `json:"f:data"`
		}
		if m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &set) != nil {
			continue
		}
		owned := f.theirs
		if m.Manager == managedBy && m.Operation == metav1.ManagedFieldsOperationApply {
			owned = f.ours
		}
		for field := range set.Data {
			key, ok := strings.CutPrefix(field, "f:")
			if !ok {
				continue
			}
			owned[key] = true
			if m.Manager != managedBy && when.After(f.touched) {
				f.touched = when
			}
		}
	}
	return f
}

// foreign returns the keys, sorted, that are set by others only.
func (f fields) foreign() []string {
	var keys []string
	for k := range f.theirs {
		if !f.ours[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
