// Package eks is the Elastic Kubernetes Service of the embedded AWS: it tells where clusters are. There is no Kubernetes behind it; the clusters are what the seed says.
package eks

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Service is EKS for every account and Region. It is safe for concurrent use.
type Service struct {
	mu     sync.Mutex
	places map[place]map[string]cluster // by name
}

var _ service.Router = (*Service)(nil)

// place is an account in a Region: where clusters live.
type place struct{ account, region string }

// cluster is a cluster on the wire as well.
type cluster struct {
	Name                 string            `json:"name"`
	ARN                  string            `json:"arn"`
	CreatedAt            float64           `json:"createdAt"`
	Version              string            `json:"version"`
	Endpoint             string            `json:"endpoint,omitempty"`
	Status               string            `json:"status"`
	CertificateAuthority map[string]string `json:"certificateAuthority"`
	Tags                 map[string]string `json:"tags"`
}

// New returns an EKS without clusters.
func New() *Service { return &Service{places: make(map[place]map[string]cluster)} }

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "eks" }

// Route implements service.Router.
func (s *Service) Route(method, path string) (operation string, names map[string]string) {
	name, one := strings.CutPrefix(path, "/clusters/")
	switch {
	case method != http.MethodGet:
	case path == "/clusters":
		return "ListClusters", nil
	case one && name != "" && !strings.Contains(name, "/"):
		return "DescribeCluster", map[string]string{"name": name}
	}
	return "", nil
}

// Serve implements service.Service.
func (s *Service) Serve(_ context.Context, r *service.Request) (*service.Response, *service.Error) {
	var out any
	var refused *service.Error
	switch r.Operation {
	case "DescribeCluster":
		out, refused = s.describe(r)
	case "ListClusters":
		out, refused = s.list(r)
	default:
		refused = &service.Error{Code: "UnknownOperationException", Status: http.StatusNotFound}
	}
	if refused != nil {
		return nil, refused
	}
	return &service.Response{JSON: out}, nil
}

func (p place) arn(name string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":eks:" + p.region + ":" + p.account + ":cluster/" + name
}

func (s *Service) describe(r *service.Request) (any, *service.Error) {
	here, name := place{account: r.Account, region: r.Region}, r.Form.Get("name")
	if refused := authorize(r, "DescribeCluster", here.arn(name)); refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.places[here][name]
	if !ok {
		return nil, &service.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "No cluster found for name: " + name + "."}
	}
	return map[string]cluster{"cluster": c}, nil
}

func (s *Service) list(r *service.Request) (any, *service.Error) {
	invalid := func(what string) *service.Error {
		return &service.Error{Code: "InvalidParameterException", Message: what + " is not valid."}
	}
	size, from := 100, 0
	var err error
	if text := r.Form.Get("maxResults"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > 100 {
			return nil, invalid("maxResults")
		}
	}
	if text := r.Form.Get("nextToken"); text != "" {
		if from, err = strconv.Atoi(text); err != nil || from < 0 {
			return nil, invalid("nextToken")
		}
	}
	if refused := authorize(r, "ListClusters", "*"); refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.places[place{account: r.Account, region: r.Region}]))
	from = min(from, len(names))
	to := min(from+size, len(names))
	out := struct {
		Clusters  []string `json:"clusters"`
		NextToken string   `json:"nextToken,omitempty"`
	}{Clusters: append([]string{}, names[from:to]...)}
	if to < len(names) {
		out.NextToken = strconv.Itoa(to)
	}
	return out, nil
}

func authorize(r *service.Request, action, resource string) *service.Error {
	if r.Note != nil && resource != "*" {
		r.Note(resource)
	}
	if r.Authorize == nil {
		return nil
	}
	return r.Authorize("eks:"+action, resource, nil)
}

// Cluster is one to start with. Only Name is needed.
type Cluster struct {
	Name                 string
	Endpoint             string // the URL of its API server
	CertificateAuthority string // of the endpoint: PEM in base64, as EKS has it
	Status               string // "" is ACTIVE
	Version              string // "" is 1.33
	Tags                 map[string]string
}

// Seed makes a cluster. It is an error if the name is not valid or taken, or the certificate authority not base64. It is safe for concurrent use.
func (s *Service) Seed(account, region string, now time.Time, of Cluster) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{account: account, region: region}
	if _, taken := s.places[at][of.Name]; taken {
		return fmt.Errorf("seed %q: it exists already", of.Name)
	}
	if err := of.Check(); err != nil {
		return err
	}
	c := cluster{
		Name: of.Name, ARN: at.arn(of.Name), CreatedAt: float64(now.Unix()), Version: of.Version, Endpoint: of.Endpoint, Status: of.Status,
		CertificateAuthority: map[string]string{}, Tags: of.Tags,
	}
	if of.CertificateAuthority != "" {
		c.CertificateAuthority["data"] = of.CertificateAuthority
	}
	if c.Status == "" {
		c.Status = "ACTIVE"
	}
	if c.Version == "" {
		c.Version = "1.33"
	}
	if c.Tags == nil {
		c.Tags = map[string]string{}
	}
	if s.places[at] == nil {
		s.places[at] = make(map[string]cluster)
	}
	s.places[at][of.Name] = c
	return nil
}

// Check says what is wrong with a cluster, wherever it is to be.
func (c Cluster) Check() error {
	valid := c.Name != "" && len(c.Name) <= 100
	for i := range len(c.Name) {
		b := c.Name[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		valid = valid && (letter || i > 0 && (b == '-' || b == '_'))
	}
	switch _, err := base64.StdEncoding.DecodeString(c.CertificateAuthority); {
	case !valid:
		return errors.New("a cluster is named by up to 100 letters, digits, - and _, the first a letter or a digit")
	case err != nil:
		return errors.New("the certificate authority is not base64")
	case c.Status != "" && !slices.Contains([]string{"CREATING", "ACTIVE", "DELETING", "FAILED", "UPDATING", "PENDING"}, c.Status):
		return errors.New("a cluster is CREATING, ACTIVE, DELETING, FAILED, UPDATING or PENDING")
	}
	return nil
}
