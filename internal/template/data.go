package template

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Object is a map whose order counts: range and json keep it. Of two members with one key the last counts.
type Object []Member

// Member is one entry of an Object.
type Member struct {
	Key   string
	Value any
}

// Absent is data whose use is an error with this cause, which must quote no data.
type Absent string

// object is a map as templates see it.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, v any) {
	if _, there := o.values[key]; !there {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

// cause says what is wrong, in words that are free of data.
type cause string

func (c cause) Error() string { return string(c) }

// plain returns data as nil, bool, string, int, json.Number, []any, *object and Absent: nothing that has a method which a template could reach.
func plain(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, cause("the data is nested too deep")
	}
	switch v := v.(type) {
	case nil, bool, int, Absent:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, cause("the data holds text that is not UTF-8")
		}
		return v, nil
	case json.Number:
		if !json.Valid([]byte(v)) || v == "" || v == "null" || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
			return nil, cause("the data holds a number that is none")
		}
		return v, nil
	case Object:
		o := &object{values: make(map[string]any, len(v))}
		for _, m := range v {
			value, err := plain(m.Value, depth+1)
			if err != nil {
				return nil, err
			}
			o.set(m.Key, value)
		}
		return o, nil
	}
	return reflected(reflect.ValueOf(v), depth)
}

func reflected(v reflect.Value, depth int) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return plain(v.String(), depth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10)), nil
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return json.Number(strconv.FormatUint(v.Uint(), 10)), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return plain(v.Elem().Interface(), depth+1)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		all := make([]any, v.Len())
		for i := range all {
			var err error
			if all[i], err = plain(v.Index(i).Interface(), depth+1); err != nil {
				return nil, err
			}
		}
		return all, nil
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			break
		}
		all := map[string]any{}
		for i := v.MapRange(); i.Next(); {
			all[i.Key().String()] = i.Value().Interface()
		}
		o := make(Object, 0, len(all))
		for _, key := range slices.Sorted(maps.Keys(all)) {
			o = append(o, Member{key, all[key]})
		}
		return plain(o, depth)
	case reflect.Struct:
		var o Object
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				o = append(o, Member{f.Name, v.Field(i).Interface()})
			}
		}
		if len(o) == 0 { // as with times and secret values: what they hold is not for templates
			break
		}
		return plain(o, depth)
	}
	return nil, cause("the data holds something that is neither text, number, boolean, list nor map")
}

// truth reports whether a value counts as true: all but null, false, zero and what is empty.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int:
		return v != 0
	case string:
		return v != ""
	case json.Number:
		return !isZero(v)
	case []any:
		return len(v) > 0
	case *object:
		return len(v.keys) > 0
	}
	return false
}
