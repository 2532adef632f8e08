package awsstore

import (
	"sync"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// inFlight is how many single reads are made at the same time.
const inFlight = 8

// ReadEach reads names one by one into answers, a few at the same time: for where a batch can't be had. read may be called concurrently.
func ReadEach(names []secret.Name, answers map[secret.Name]store.Reading, read func(secret.Name) store.Reading) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, inFlight)
	for _, n := range names {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answer := read(n)
			mu.Lock()
			defer mu.Unlock()
			answers[n] = answer
		})
	}
	wg.Wait()
}
