package awscfg

import "testing"

func TestTheAmbientCredentialsHaveOnePaceWhateverAccountAStoreExpectsOfThem(t *testing.T) {
	plain, named := Target{Region: "eu-west-1"}, Target{Region: "eu-west-1", Account: "123456789012"}
	if plain.lane() != named.lane() {
		t.Error("one account and Region has two paces")
	}
	role := Target{Region: "eu-west-1", Account: "123456789012", Role: "R"}
	if role.lane() == plain.lane() {
		t.Error("the sessions of a role share the pace of the ambient credentials")
	}
}
