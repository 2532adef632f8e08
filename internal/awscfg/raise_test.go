package awscfg

import "testing"

func TestAQuotaIsRaisedAndNeverLowered(t *testing.T) {
	f := New(Options{})
	target := Target{Role: "R", Account: "111111111111", Region: "us-east-1"}
	at := func(perSecond int) float64 { return float64(newLimiter(perSecond).full) }
	pace := func(operation string) float64 {
		return float64(f.lane(target.lane()).pace.limiter("SSM", operation).full)
	}
	for _, step := range []struct {
		to, want int
	}{{10, 40}, {40, 40}, {1000, 1000}, {100, 1000}} {
		f.Raise(target, "SSM", "GetParameters", step.to)
		if got := pace("GetParameter"); got != at(step.want) {
			t.Errorf("raised to %d: %v a second, want %v", step.to, got, at(step.want))
		}
	}
	if got := pace("PutParameter"); got != at(3) {
		t.Errorf("another group: %v a second", got)
	}
	f.Raise(target, "SSM", "NoSuchOperation", 5) // not paced: nothing to raise
}
