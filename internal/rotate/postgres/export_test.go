package postgres

// Scram is scram with the usual number of iterations, for the tests.
func Scram(password string) (string, error) { return scram(password, usualIterations) }
