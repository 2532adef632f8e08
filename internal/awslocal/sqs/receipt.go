package sqs

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

// receipt is what a receiver says about a message that it has.
type receipt struct {
	ID                string `json:"Id"` // in a batch
	ReceiptHandle     *string
	VisibilityTimeout *int
}

type receiptInput struct {
	QueueURL *string `json:"QueueUrl"`
	receipt
}

type receiptBatch struct {
	QueueURL *string `json:"QueueUrl"`
	Entries  []receipt
}

type done struct {
	ID string `json:"Id"`
}

// forget deletes a message. With an older receipt than the latest it succeeds, and deletes nothing.
func (q *queue) forget(of receipt) *service.Error {
	m, err := q.held(of.ReceiptHandle)
	if m != nil {
		q.remove(m)
	}
	return err
}

func (s *Service) deleteMessage(r *service.Request) (any, *service.Error) {
	in, err := decode[receiptInput](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "DeleteMessage")
	if err != nil {
		return nil, err
	}
	return nothing{}, q.forget(in.receipt)
}

func (s *Service) deleteMessageBatch(r *service.Request) (any, *service.Error) {
	return s.each(r, "DeleteMessage", (*queue).forget)
}

// hide sets for how long from now on nobody receives a message.
func hide(r *service.Request) func(q *queue, of receipt) *service.Error {
	return func(q *queue, of receipt) *service.Error {
		if of.VisibilityTimeout == nil {
			return missing("VisibilityTimeout")
		}
		if t := *of.VisibilityTimeout; t < 0 || t > 43200 {
			return invalidValue("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.", t)
		}
		m, err := q.held(of.ReceiptHandle)
		switch {
		case err != nil:
			return err
		case m == nil:
			return invalidValue("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
				*of.ReceiptHandle)
		case !r.Now.Before(m.visible):
			return refuseAs("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The message referred to is not in flight.")
		}
		m.visible = r.Now.Add(seconds(of.VisibilityTimeout, 0))
		q.wake()
		return nil
	}
}

func (s *Service) changeVisibility(r *service.Request) (any, *service.Error) {
	in, err := decode[receiptInput](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "ChangeMessageVisibility")
	if err != nil {
		return nil, err
	}
	return nothing{}, hide(r)(q, in.receipt)
}

func (s *Service) changeVisibilityBatch(r *service.Request) (any, *service.Error) {
	return s.each(r, "ChangeMessageVisibility", hide(r))
}

// each does the same with every message of a batch.
func (s *Service) each(r *service.Request, action string, do func(*queue, receipt) *service.Error) (any, *service.Error) {
	in, err := decode[receiptBatch](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, action)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range in.Entries {
		ids = append(ids, e.ID)
	}
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	var out batch[done]
	for _, e := range in.Entries {
		out.add(e.ID, func() (done, *service.Error) { return done{e.ID}, do(q, e) })
	}
	return out, nil
}
