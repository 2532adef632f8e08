package mysql

// Native is the verifier of mysql_native_password, for the tests.
func Native(password string) string { return native(password) }
