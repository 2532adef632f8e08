package storetest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// start starts etcd, and the server on it, on free ports of the loopback interface.
func (s *KubernetesServer) start(ctx context.Context, dir string) (err error) {
	if s.home, err = os.MkdirTemp("", "kubernetes-test-"); err != nil {
		return err
	}
	var etcd, peer, addr string
	for _, free := range []*string{&etcd, &peer, &addr} {
		if *free, err = freeAddr(ctx); err != nil {
			return err
		}
	}
	peer, etcd = "http://"+peer, "http://"+etcd
	if err := s.run(ctx, filepath.Join(dir, "etcd"), "--data-dir="+filepath.Join(s.home, "etcd"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd, "--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer,
		"--initial-cluster=default="+peer); err != nil {
		return err
	}
	if err := await(ctx, etcd+"/health"); err != nil {
		return err
	}
	tokens, key, err := s.writeFiles()
	if err != nil {
		return err
	}
	certificates := filepath.Join(s.home, "certificates")
	host, port, _ := strings.Cut(addr, ":")
	if err := s.run(ctx, filepath.Join(dir, "kube-apiserver"), append([]string{
		"--etcd-servers=" + etcd, "--bind-address=" + host, "--secure-port=" + port, "--cert-dir=" + certificates,
		"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none", "--disable-admission-plugins=ServiceAccount",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		"--token-auth-file=" + tokens, "--authorization-mode=RBAC",
	}, s.Flags...)...); err != nil {
		return err
	}
	if err := s.awaitReady(ctx, "https://"+addr, filepath.Join(certificates, "apiserver.crt")); err != nil {
		return err
	}
	s.users = make(chan int, kubernetesUsers)
	for n := range kubernetesUsers {
		s.users <- n
	}
	return nil
}

// writeFiles writes the tokens, and the key that the server signs those of service accounts with.
func (s *KubernetesServer) writeFiles() (tokens, key string, err error) {
	lines := fmt.Sprintf("%s,%s,0,system:masters\n", KubernetesAdmin().Token, KubernetesAdmin().Name)
	for n := range kubernetesUsers {
		u := kubernetesUser(n)
		lines += fmt.Sprintf("%s,%s,%d\n", u.Token, u.Name, n+1)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", err
	}
	tokens, key = filepath.Join(s.home, "tokens.csv"), filepath.Join(s.home, "key.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	return tokens, key, errors.Join(os.WriteFile(tokens, []byte(lines), 0o600), os.WriteFile(key, block, 0o600))
}

func kubernetesUser(n int) KubernetesUser {
	return KubernetesUser{Name: fmt.Sprintf("user-%d", n), Token: fmt.Sprintf("token-of-user-%d", n)}
}

// run starts a program that writes its log into the home; Close stops it, before those that were started before.
func (s *KubernetesServer) run(ctx context.Context, program string, args ...string) error {
	log, err := os.Create(filepath.Join(s.home, filepath.Base(program)+".log"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the tests' own server
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.home, log, log
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	stop := func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended already
		late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()  // its exit code says nothing
		_ = log.Close() // nobody reads it any more
	}
	s.stop = append([]func(){stop}, s.stop...)
	return nil
}

// awaitReady waits until the server is ready, for a minute at most.
func (s *KubernetesServer) awaitReady(ctx context.Context, url, ca string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	last := errors.New("no certificate yet")
	for ctx.Err() == nil {
		if pem, err := os.ReadFile(ca); err == nil && s.client == nil {
			pool := x509.NewCertPool()
			if pool.AppendCertsFromPEM(pem) {
				s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}}
			}
		}
		if s.client != nil {
			s.url = url
			status, _, err := s.do(ctx, http.MethodGet, "/readyz", nil)
			if err == nil && status == http.StatusOK {
				return nil
			}
			s.url = ""
			if last = err; err == nil {
				last = fmt.Errorf("/readyz: HTTP status %d", status)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return last
}
