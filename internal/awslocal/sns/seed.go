package sns

import "fmt"

// Topic is one to start with. Only Name is needed.
type Topic struct {
	Name        string
	DisplayName string
}

// Seed makes a topic. It is an error if the name is not valid or taken. It is safe for concurrent use.
func (s *Service) Seed(account, region string, t Topic) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{account: account, region: region}
	switch {
	case !ValidName(t.Name):
		return fmt.Errorf("seed %q: invalid name", t.Name)
	case s.topics(at)[t.Name] != nil:
		return fmt.Errorf("seed %q: it exists already", t.Name)
	}
	attributes := make(map[string]string)
	if t.DisplayName != "" {
		attributes["DisplayName"] = t.DisplayName
	}
	s.topics(at)[t.Name] = &topic{place: at, name: t.Name, attributes: attributes}
	return nil
}
