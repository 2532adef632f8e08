package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAMessageRotatesWhatItNamesOrWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		young, old, byHand := every("hub young", 30*day, day), every("hub old", 30*day, 29*day+23*time.Hour), &kept{Rotation: Rotation{Name: "hub by-hand"}, age: day}
		twin := &kept{Rotation: Rotation{Name: "dr young"}, age: day}
		old.Window = &Window{From: 12 * time.Hour, To: 13 * time.Hour}
		l := rotating(t, young, old, byHand, twin)
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.send(`{"rotate": ["by-hand"]}`, `{"rotate": ["hub young", "old"]}`, `{"rotate": "due"}`)
		l.at(2 * time.Minute)
		byHand.wants(l, "1m0s")
		young.wants(l, "1m0s")
		old.wants(l, "1m0s") // whoever names it does not wait for its window
		twin.wants(l)
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %s", left)
		}
		l.queue.send(`{"rotate": ["young"]}`, `{"rotate": ["nobody", "by-hand"]}`)
		l.at(3 * time.Minute)
		if left := l.queue.left(); left != "m4 m5" || !l.logged("in several stores") || !l.logged("no such rotation") {
			t.Errorf("in the queue: %q", left)
		}
		byHand.wants(l, "1m0s")
		l.queue.send(`{"rotate": ["by-hand"]}`)
		l.at(200 * time.Second)
		byHand.wants(l, "1m0s", "3m0s")
		if l.metric("secretsync_event_latency_seconds_count") != 4 || l.metric(`secretsync_queue_settled_total{outcome="left"}`) != 2 {
			t.Error("the messages are not counted")
		}
		l.stop()
	})
}

func TestAMessageThatFailedComesBackAndRotatesNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := &kept{Rotation: Rotation{Name: "hub good"}, age: day}, &kept{Rotation: Rotation{Name: "hub bad"}, age: day}
		bad.fails = 2
		l := rotating(t, good, bad)
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.send(`{"rotate": ["good", "bad"]}`)
		l.at(90 * time.Second)
		if left := l.queue.left(); left != "m1" {
			t.Errorf("in the queue: %q", left)
		}
		l.at(10 * time.Minute)
		good.wants(l, "1m0s")
		bad.wants(l, "1m0s", "3m0s", "5m0s")
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %q", left)
		}
		l.stop()
	})
}

func TestAStepOfARotationInTheQueueIsMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rotating(t)
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.send(`{"Step": "createSecret", "SecretId": "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-a1B2c3", "ClientRequestToken": "f6d1a8b2-3c4e-4f5a-9b6c-7d8e9f0a1b2c"}`)
		l.at(2 * time.Minute)
		if l.metric(`secretsync_events_total{result="malformed"}`) != 1 || l.queue.left() != "m1" || !l.logged("is for a function on Lambda") {
			t.Errorf("in the queue: %q", l.queue.left())
		}
		l.stop()
	})
}

func TestTheEndGivesBackAMessageWhoseRotationIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{Rotation: Rotation{Name: "hub rds/a"}, age: day, slow: 5 * time.Minute}
		l := rotating(t, k)
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.send(`{"rotate": ["rds/a"]}`, `{"rotate": "due"}`)
		l.at(2 * time.Minute)
		l.stop()
		if left := l.queue.left(); left != "m1* m2*" {
			t.Errorf("in the queue: %q", left)
		}
	})
}
