package template

import "text/template/parse"

// call calls a function; last is what stands before the |, if anything does.
func (r *run) call(at parse.Node, id *parse.IdentifierNode, dot any, operands []parse.Node, last ...any) (any, error) {
	if id.Ident == "and" || id.Ident == "or" {
		return r.choose(id.Ident == "or", dot, operands, last)
	}
	f := r.functions[id.Ident]
	args := make([]any, 0, len(operands)+len(last))
	work := 1
	for _, n := range operands {
		v, err := r.operand(n, dot)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	args = append(args, last...)
	for _, v := range args {
		work += size(v) / stepBytes
	}
	if err := r.spend(at, work); err != nil {
		return nil, err
	}
	v, err := f.call(args, r.output)
	if err != nil {
		return nil, r.errorOf(at, err.Error())
	}
	made := size(v)
	if _, list := v.([]any); list {
		made *= entryBytes
	}
	return v, r.spend(at, made/stepBytes)
}

// size is how much there is to go over in a value, in bytes, roughly.
func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return len(v)
	}
	return 0
}

// choose is and, or: the first operand that decides, else the last one. Those after it are not looked at.
func (r *run) choose(until bool, dot any, operands []parse.Node, last []any) (v any, err error) {
	for _, n := range operands {
		if v, err = r.operand(n, dot); err != nil || truth(v) == until {
			return v, err
		}
	}
	for _, v = range last {
		if truth(v) == until {
			break
		}
	}
	return v, nil
}
