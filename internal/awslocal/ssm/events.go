package ssm

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

// change notes what a call did to a parameter.
func (c *call) change(x *record, operation string) {
	v := x.latest()
	detail := map[string]string{"operation": operation, "name": x.name, "type": v.kind}
	if v.description != "" {
		detail["description"] = v.description
	}
	c.events = append(c.events, service.Event{
		Account: c.st.account, Region: c.st.region, Time: c.r.Now, Source: "aws.ssm", DetailType: "Parameter Store Change",
		Resources: []string{x.arn}, Detail: detail,
	})
}

// tell sends the events of a call. It holds no lock.
func (c *call) tell() {
	if c.bus == nil {
		return
	}
	for _, e := range c.events {
		c.bus.Put(e)
	}
}
