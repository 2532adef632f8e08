package kube

import (
	"context"
	"sync/atomic"
)

// once gets something once, and again after an error. It is safe for concurrent use; who waits for another's attempt stops waiting when ctx ends.
type once[T any] struct {
	slot chan struct{}
	get  func(context.Context) (T, error)
	got  atomic.Pointer[T]
}

func newOnce[T any](get func(context.Context) (T, error)) *once[T] {
	return &once[T]{slot: make(chan struct{}, 1), get: get}
}

func (o *once[T]) do(ctx context.Context) (T, error) {
	if v := o.got.Load(); v != nil {
		return *v, nil
	}
	var none T
	select {
	case o.slot <- struct{}{}:
		defer func() { <-o.slot }()
	case <-ctx.Done():
		return none, ctx.Err()
	}
	if v := o.got.Load(); v != nil {
		return *v, nil
	}
	v, err := o.get(ctx)
	if err != nil {
		return none, err
	}
	o.got.Store(&v)
	return v, nil
}
