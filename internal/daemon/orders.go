package daemon

import (
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/event"
)

// order is a rotation, or several, that messages ask for.
type order struct {
	rotate  event.Rotate
	key     string
	sent    time.Time // when the last of the messages was: what was rotated after that is done
	tickets []*ticket
}

// admitRotate takes in what one message asks to be rotated. The caller holds mu.
func (b *inbox) admitRotate(t *ticket, r event.Rotate) {
	t.open++
	key := r.String()
	i := slices.IndexFunc(b.orders, func(o *order) bool { return o.key == key })
	if i < 0 {
		i = len(b.orders)
		b.orders = append(b.orders, &order{rotate: r, key: key})
	}
	o := b.orders[i]
	o.sent = later(o.sent, t.Sent)
	o.tickets = append(o.tickets, t)
}

// takeOrder returns the oldest order; nil: there is none. Whoever takes one calls doneOrder.
func (b *inbox) takeOrder() *order {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.orders) == 0 {
		return nil
	}
	o := b.orders[0]
	b.orders = b.orders[1:]
	return o
}

// doneOrder says that an order is carried out, or that a part of it failed. It returns the messages with nothing left to do.
func (b *inbox) doneOrder(o *order, failed bool) []*ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.tell()
	return b.settle(o.tickets, failed)
}
