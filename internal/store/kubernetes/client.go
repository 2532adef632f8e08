package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	pageSize = 500
	listings = 3 // how often a listing that the server forgot in the middle is begun
	ofSecret = "secrets"
)

// client calls one namespace of a cluster. It is safe for concurrent use.
type client struct {
	*connection
	place secret.Place
}

func (c *client) secrets() metadata.ResourceInterface {
	return c.metadata.Resource(resource("", ofSecret)).Namespace(c.place.Namespace)
}

// list returns the metadata of every Secret of the namespace, or of one by its name, sorted. No data is sent.
func (c *client) list(ctx context.Context, only secret.Name) ([]entry, error) {
	var opts metav1.ListOptions
	if only != "" {
		opts.FieldSelector = "metadata.name=" + string(only)
	}
	var all []entry
	err := c.pages(ctx, c.secrets(), ofSecret, opts, func() { all = nil }, func(m *metav1.PartialObjectMetadata) {
		all = append(all, entryOf(m.ObjectMeta, c.clock.now()))
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.meta.Name, b.meta.Name) })
	return all, nil
}

// namespaces returns the names of the cluster's namespaces.
func (c *client) namespaces(ctx context.Context) ([]string, error) {
	var all []string
	err := c.pages(ctx, c.metadata.Resource(resource("", "namespaces")), "namespaces", metav1.ListOptions{}, func() { all = nil }, func(m *metav1.PartialObjectMetadata) {
		all = append(all, m.Name)
	})
	return all, err
}

// pages calls each with everything that a listing returns, page by page. A listing of more than a few minutes may be forgotten by the server: it is begun
// anew then, after a call of restart, as its pages would not belong together.
func (c *client) pages(ctx context.Context, from metadata.ResourceInterface, what string, opts metav1.ListOptions, restart func(), each func(*metav1.PartialObjectMetadata)) error {
	opts.Limit = pageSize
	for begun := 1; ; {
		page, err := from.List(ctx, opts)
		switch {
		case err != nil && opts.Continue != "" && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err)) && begun < listings:
			begun++
			opts.Continue = ""
			restart()
			continue
		case err != nil:
			return c.fail("list", what, "", err)
		}
		for i := range page.Items {
			each(&page.Items[i])
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			return nil
		}
	}
}

// stat reads the metadata of one Secret.
func (c *client) stat(ctx context.Context, name secret.Name) (entry, error) {
	if why := badName(name); why != "" {
		return entry{}, c.errorf("get secrets", name, store.ErrNotFound, "%s", why)
	}
	m, err := c.secrets().Get(ctx, string(name), metav1.GetOptions{})
	if err != nil {
		return entry{}, c.fail("get", ofSecret, name, err)
	}
	return entryOf(m.ObjectMeta, c.clock.now()), nil
}

// read reads one Secret whole.
func (c *client) read(ctx context.Context, name secret.Name) (entry, map[string][]byte, error) {
	if why := badName(name); why != "" {
		return entry{}, nil, c.errorf("get secrets", name, store.ErrNotFound, "%s", why)
	}
	u, err := c.dynamic.Resource(resource("", ofSecret)).Namespace(c.place.Namespace).Get(ctx, string(name), metav1.GetOptions{})
	if err != nil {
		return entry{}, nil, c.fail("get", ofSecret, name, err)
	}
	broken := c.errorf("get secrets", name, store.ErrUnavailable, "the answer is no Secret")
	meta, err := metaOf(u)
	if err != nil {
		return entry{}, nil, broken
	}
	held, _, err := unstructured.NestedStringMap(u.Object, "data")
	if err != nil {
		return entry{}, nil, broken
	}
	data := make(map[string][]byte, len(held))
	for k, v := range held {
		if data[k], err = base64.StdEncoding.DecodeString(v); err != nil { // the API's own encoding, once: what is in it is a value's business
			return entry{}, nil, broken
		}
	}
	return entryOf(meta, c.clock.now()), data, nil
}

func metaOf(u *unstructured.Unstructured) (metav1.ObjectMeta, error) {
	var meta metav1.ObjectMeta
	raw, err := json.Marshal(u.Object["metadata"])
	if err == nil {
		err = json.Unmarshal(raw, &meta)
	}
	return meta, err
}

// patch changes a Secret, and returns its metadata. The body, which may hold values, is wiped.
func (c *client) patch(ctx context.Context, name secret.Name, how types.PatchType, body any) (*entry, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, c.errorf("patch secrets", name, store.ErrInvalid, "it can't be put into JSON")
	}
	defer clear(raw)
	opts := metav1.PatchOptions{FieldManager: managedBy}
	if how == types.ApplyPatchType {
		force := true // what others set of our fields becomes ours; the resource version is what guards against surprises
		opts.Force = &force
	}
	m, err := c.secrets().Patch(ctx, string(name), how, raw, opts)
	if err != nil {
		return nil, c.fail("patch", ofSecret, name, err)
	}
	e := entryOf(m.ObjectMeta, c.clock.now())
	return &e, nil
}
