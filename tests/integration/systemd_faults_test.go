package integration

import "testing"

// K7 J39: killed at any system call, a runtime that has systemd make its units leaves what one delete --force removes, units
// included.
func TestSystemdFaultKill(t *testing.T) {
	for i := range lives {
		switch l := &lives[i]; l.verb {
		case "create", "update", "exec", "delete":
			s := newScope(t)
			newFaulty(s.bundle, systemdCgroup.args, s.unitGone).kill(l)
		}
	}
}
