package policy

import "testing"

func TestWhatAResourcesPolicySays(t *testing.T) {
	doc, err := ParseResource([]byte(`{"Statement": [
	  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/named"}, "Action": "s:Read", "Resource": "*"},
	  {"Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "s:*", "Resource": "*"},
	  {"Effect": "Allow", "Principal": "*", "Action": "s:List", "Resource": "*", "Condition": {"StringEquals": {"via": "x"}}},
	  {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::333333333333:user/ann"}, "Action": "s:*", "Resource": "*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, account, action string
		want                 Grant
	}{
		{"arn:aws:sts::222222222222:assumed-role/named/session", "222222222222", "s:Read", Granted},
		{"arn:aws:sts::222222222222:assumed-role/named/session", "222222222222", "s:Write", Silent},
		{"arn:aws:sts::222222222222:assumed-role/other/session", "222222222222", "s:Read", Silent},
		{"arn:aws:iam::333333333333:user/bob", "333333333333", "s:Write", Delegated},
		{"arn:aws:iam::333333333333:root", "333333333333", "s:Write", Delegated},
		{"arn:aws:iam::333333333333:user/ann", "333333333333", "s:Write", Forbidden},
		{"arn:aws:iam::444444444444:user/eve", "444444444444", "s:List", Granted},
	} {
		r := Request{Action: c.action, Resource: "arn:aws:s:::x", Principal: Principal{ARN: c.who, Account: c.account}, Context: map[string][]string{"via": {"x"}}}
		if got := Ask(doc, r); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.who, c.action, got, c.want)
		}
	}
}

func TestBothSidesDecide(t *testing.T) {
	for _, c := range []struct {
		own      Decision
		resource Grant
		weight   Weight
		want     Decision
		side     Side
	}{
		{Allowed, Silent, Beside, Allowed, Own},
		{Allowed, Silent, Above, ImplicitDeny, Resource},
		{Allowed, Silent, Across, ImplicitDeny, Resource},
		{Allowed, Delegated, Above, Allowed, Own},
		{Allowed, Delegated, Across, Allowed, Own},
		{Allowed, Granted, Across, Allowed, Own},
		{ImplicitDeny, Silent, Beside, ImplicitDeny, Own},
		{ImplicitDeny, Silent, Above, ImplicitDeny, Resource},
		{ImplicitDeny, Delegated, Beside, ImplicitDeny, Own},
		{ImplicitDeny, Delegated, Above, ImplicitDeny, Own},
		{ImplicitDeny, Delegated, Across, ImplicitDeny, Own},
		{ImplicitDeny, Granted, Beside, Allowed, Own},
		{ImplicitDeny, Granted, Above, Allowed, Own},
		{ImplicitDeny, Granted, Across, ImplicitDeny, Own},
		{ExplicitDeny, Granted, Beside, ExplicitDeny, Own},
		{Allowed, Forbidden, Beside, ExplicitDeny, Resource},
		{Allowed, Forbidden, Across, ExplicitDeny, Resource},
	} {
		if got, side := Access(c.own, c.resource, c.weight); got != c.want || got != Allowed && side != c.side {
			t.Errorf("%+v: %d by %d", c, got, side)
		}
	}
}
