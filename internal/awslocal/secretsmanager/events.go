package secretsmanager

import (
	"maps"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const eventSource = "aws.secretsmanager"

// relabel gives a secret other labels, and notes the events of it, which leave when the call has let go of its store: one for each label that comes
// to another version, AWSPENDING and AWSPREVIOUS left out.
func (c *call) relabel(x *record, next labels) {
	for _, label := range slices.Sorted(maps.Keys(next)) {
		if id := next[label]; id != x.labels[label] && label != pending && label != previous {
			c.events = append(c.events, service.Event{
				Account: x.account, Region: x.region, Time: c.r.Now, Source: eventSource, DetailType: "Secret Label Updated", Resources: []string{x.arn},
				Detail: map[string]string{"name": x.name, "labelUpdated": label, "versionId": id},
			})
		}
	}
	x.labels = next
}

// ended notes that a secret is gone for good.
func (c *call) ended(x *record) {
	if x.isReplica() {
		return
	}
	c.happened(x, "EndSecretVersionDelete", x.views[len(x.views)-1].at)
}

// happened notes what Secrets Manager did by itself.
func (c *call) happened(x *record, name string, at time.Time) {
	c.events = append(c.events, service.Event{
		Account: x.account, Region: x.region, Time: at, Source: eventSource, DetailType: "AWS Service Event via CloudTrail", Trail: true,
		Detail: serviceRecord(x, name, at),
	})
}

// tell sends the events of a call, the one that CloudTrail has of it last. A call that is refused is written down where its caller is. It holds no lock.
func (c *call) tell(out any, refused *service.Error) {
	if c.bus == nil {
		return
	}
	for _, e := range c.events {
		c.bus.Put(e)
	}
	at := c.home()
	if refused == nil {
		at = c.about.place
	}
	if trailed(c.r.Operation) && c.bus.Listens(at.account, at.region) {
		c.bus.Put(c.apiEvent(at, out, refused))
	}
}
