package rotate

import "context"

// Check makes sure that the current credential works, by the test of its engine. It changes nothing. ErrDenied where the service refuses it; ErrAway where that can't be found out.
func (r *Rotator) Check(ctx context.Context, s Secret) error {
	w, err := r.open(ctx, "test", s)
	if err == nil {
		err = w.equip(ctx)
	}
	if err != nil {
		return err
	}
	current, err := s.At.Value(ctx, s.Name, w.from)
	if err != nil {
		return w.wrap("", err)
	}
	c := Change{Place: w.at, Name: s.Name, Current: current, Pending: current, Master: w.master(current), Settings: w.s.Settings}
	return w.wrap("", w.engine.Test(ctx, c))
}
