package spec

import "testing"

// J28: 0 processes is a limit since version 1.3.0 of the specification.
func TestPidsLimitOfOlderVersions(t *testing.T) {
	for _, row := range []struct {
		version, limit string
		kept           bool
	}{
		{"1.0.2-dev", "0", false}, {"1.2.1+dev", "0", false}, {"1.3.0", "0", true}, {"1.3.0-rc.1", "0", true}, {"1.10.0", "0", true},
		{"2.0.0", "0", true}, {"x", "0", true}, {"1.x.0", "0", true}, {"1.0.2", "-1", true}, {"1.0.2", "5", true},
	} {
		s, err := Load([]byte(`{"ociVersion": "` + row.version + `", "linux": {"resources": {"pids": {"limit": ` + row.limit + `}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if kept := s.Linux.Resources.Pids != nil; kept != row.kept {
			t.Errorf("limit %s of %s: kept %v", row.limit, row.version, kept)
		}
	}
	for _, text := range []string{`{}`, `{"linux": {}}`, `{"linux": {"resources": {}}}`, `{"linux": {"resources": {"pids": {}}}}`} {
		if _, err := Load([]byte(text)); err != nil {
			t.Error(err)
		}
	}
}
