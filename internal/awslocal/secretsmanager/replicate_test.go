package secretsmanager

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const other = "us-east-1"

// in another Region
func (w *world) at(region string, do func()) {
	home := w.region
	w.region = region
	do()
	w.region = home
}

// replicas returns the state of replication as "us-east-1:InSync".
func (w *world) replicas() string {
	w.Helper()
	var all []string
	if list, ok := w.do("DescribeSecret", in{"SecretId": "s"})["ReplicationStatus"].([]any); ok {
		for _, e := range list {
			all = append(all, fmt.Sprint(e.(map[string]any)["Region"], ":", e.(map[string]any)["Status"]))
		}
	}
	return strings.Join(all, " ")
}

func TestAReplicaFollowsItsPrimary(t *testing.T) {
	w := newWorld(t)
	arn := w.create("s", "S1")
	w.do("TagResource", in{"SecretId": "s", "Tags": []tag{{"a", "b"}}})
	w.keys.taken()
	out := w.do("ReplicateSecretToRegions", in{"SecretId": "s", "AddReplicaRegions": []in{{"Region": other, "KmsKeyId": "k1"}}})
	w.shape("replicate", out, `{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","ReplicationStatus":[{"Region":"us-east-1","KmsKeyId":"k1","Status":"InProgress"}]}`)
	equal(t, "calls to KMS", w.keys.taken(), []string{"Decrypt  v1", "GenerateDataKey k1 v1"})
	equal(t, "status", w.replicas(), "us-east-1:InSync")
	w.put("s", 2, "S2")
	equal(t, "Region of the replica's key", w.keys.calls[1].region, other)
	equal(t, "calls to KMS of one more version", w.keys.taken(), []string{"GenerateDataKey  v2", "GenerateDataKey k1 v2"})
	w.do("UpdateSecret", in{"SecretId": "s", "Description": "d", "ClientRequestToken": v(9)})
	w.do("UpdateSecretVersionStage", in{"SecretId": "s", "VersionStage": "mine", "MoveToVersionId": v(1)})
	policy := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"*","Resource":"*"}}`
	w.do("PutResourcePolicy", in{"SecretId": "s", "ResourcePolicy": policy})
	w.at(other, func() {
		equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("S2"))
		equal(t, "labels", w.stages("s", false), "1:AWSPREVIOUS,mine 2:AWSCURRENT")
		d := w.do("DescribeSecret", in{"SecretId": "s"})
		equal(t, "replica", []any{d["ARN"], d["PrimaryRegion"], d["KmsKeyId"], d["Description"]}, []any{strings.Replace(arn, region, other, 1), region, "k1", "d"})
		equal(t, "policy", w.do("GetResourcePolicy", in{"SecretId": "s"})["ResourcePolicy"], any(policy))
		equal(t, "by primary Region", w.names(in{"Filters": []in{{"Key": "primary-region", "Values": []string{"eu-"}}}}), []string{"s"})
	})
	if d := w.do("DescribeSecret", in{"SecretId": "s"}); d["LastAccessedDate"] != nil || d["PrimaryRegion"] != region {
		t.Fatalf("primary: %v", d)
	}
}

func TestAReplicaIsReadOnly(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(1), "AddReplicaRegions": []in{{"Region": other}}})
	w.at(other, func() {
		for op, p := range map[string]in{
			"PutSecretValue":           {"SecretString": "y", "ClientRequestToken": v(2)},
			"UpdateSecret":             {"Description": "y", "ClientRequestToken": v(2)},
			"UpdateSecretVersionStage": {"VersionStage": "a", "MoveToVersionId": v(1)},
			"TagResource":              {"Tags": []tag{{"a", "b"}}},
			"UntagResource":            {"TagKeys": []string{"a"}},
			"DeleteSecret":             {"ForceDeleteWithoutRecovery": true},
			"RestoreSecret":            {},
			"PutResourcePolicy":        {"ResourcePolicy": "{}"},
			"RotateSecret":             {"ClientRequestToken": v(2)},
			"ReplicateSecretToRegions": {"AddReplicaRegions": []in{{"Region": "eu-west-2"}}},
		} {
			p["SecretId"] = "s"
			w.fails(op, p, "InvalidParameterException", "Operation not permitted on a replica secret. Call must be made in primary secret's region.")
		}
		w.fails("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(1)}, "ResourceExistsException", "")
	})
	w.fails("DeleteSecret", in{"SecretId": "s"}, "InvalidParameterException", "You can't delete secret s that still has replica regions [us-east-1]")
}

func TestRemovingARegionDeletesTheReplica(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	w.fails("RemoveRegionsFromReplication", in{"SecretId": "s", "RemoveReplicaRegions": []string{other}}, "InvalidParameterException", "")
	w.do("ReplicateSecretToRegions", in{"SecretId": "s", "AddReplicaRegions": []in{{"Region": other}, {"Region": "eu-west-2"}}})
	w.do("RemoveRegionsFromReplication", in{"SecretId": "s", "RemoveReplicaRegions": []string{other}})
	equal(t, "status", w.replicas(), "eu-west-2:InSync")
	w.at(other, func() { w.fails("DescribeSecret", in{"SecretId": "s"}, "ResourceNotFoundException", "") })
	w.do("RemoveRegionsFromReplication", in{"SecretId": "s", "RemoveReplicaRegions": []string{"eu-west-2"}})
	if d := w.do("DescribeSecret", in{"SecretId": "s"}); d["PrimaryRegion"] != nil {
		t.Fatal("it still has a primary Region")
	}
	w.do("DeleteSecret", in{"SecretId": "s"})
}

func TestAReplicaThatIsOnItsOwnCanBeWritten(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	w.do("ReplicateSecretToRegions", in{"SecretId": "s", "AddReplicaRegions": []in{{"Region": other}}})
	w.fails("StopReplicationToReplica", in{"SecretId": "s"}, "InvalidParameterException", "")
	w.at(other, func() {
		w.do("StopReplicationToReplica", in{"SecretId": "s"})
		w.put("s", 2, "S2")
	})
	equal(t, "status at the primary", w.replicas(), "")
	w.put("s", 3, "S3")
	w.at(other, func() {
		equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("S2"))
	})
}

func TestATakenNameFailsTheReplicaUnlessItMayBeOverwritten(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	w.at(other, func() { w.create("s", "theirs") })
	add := in{"SecretId": "s", "AddReplicaRegions": []in{{"Region": other}}}
	w.do("ReplicateSecretToRegions", add)
	equal(t, "status", w.replicas(), "us-east-1:Failed")
	w.put("s", 2, "S2")
	w.at(other, func() {
		equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("theirs"))
	})
	add["ForceOverwriteReplicaSecret"] = true
	w.do("ReplicateSecretToRegions", add)
	equal(t, "status", w.replicas(), "us-east-1:InSync")
	w.at(other, func() {
		equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("S2"))
	})
	w.fails("ReplicateSecretToRegions", add, "InvalidParameterException", "")
	w.fails("ReplicateSecretToRegions", in{"SecretId": "s", "AddReplicaRegions": []in{{"Region": region}}}, "InvalidParameterException", "Invalid replica region.")
}

func TestAReplicaWhoseKeyIsRefusedFails(t *testing.T) {
	w := newWorld(t)
	w.keys.refusals["k1 GenerateDataKey"] = &service.Error{Code: "AccessDeniedException"}
	w.do("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(1), "AddReplicaRegions": []in{{"Region": other, "KmsKeyId": "k1"}}})
	equal(t, "status", w.replicas(), "us-east-1:Failed")
	w.at(other, func() { w.fails("DescribeSecret", in{"SecretId": "s"}, "ResourceNotFoundException", "") })
}

func TestConcurrentCallsKeepLabelsAndReplicasInOrder(t *testing.T) {
	svc := New(nil, nil, nil)
	w := newWorld(t)
	w.svc = svc
	w.do("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(1), "AddReplicaRegions": []in{{"Region": other}}})
	var requests []*service.Request
	for n := 2; n < 80; n++ {
		requests = append(requests, w.request("PutSecretValue", in{"SecretId": "s", "SecretString": fmt.Sprint(n), "ClientRequestToken": v(n)}))
		requests = append(requests, w.request("ListSecrets", in{}), w.request("DescribeSecret", in{"SecretId": "s"}))
		w.at(other, func() { requests = append(requests, w.request("GetSecretValue", in{"SecretId": "s"})) })
	}
	var wait sync.WaitGroup
	for _, r := range requests {
		r.Authorize, r.Note = nil, nil
		wait.Go(func() {
			if _, err := svc.Serve(t.Context(), r); err != nil {
				t.Errorf("%s: %v", r.Operation, err)
			}
		})
	}
	wait.Wait()
	here := w.stages("s", false)
	w.at(other, func() { equal(t, "labels at the replica", w.stages("s", false), here) })
	if strings.Count(here, "AWSCURRENT") != 1 || strings.Count(here, "AWSPREVIOUS") != 1 {
		t.Fatalf("labels: %s", here)
	}
	equal(t, "status", w.replicas(), "us-east-1:InSync")
}
