package libcontainer

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/lsm"
	"github.com/tare-run/tare/libcontainer/plan"
)

// labels are the facts for the labels of a process, which is refused where the host cannot enforce one. The files are looked
// at only for a process that asks for a label.
func labels(p *specs.Process) (l plan.Labels, err error) {
	if p == nil {
		return l, nil
	}
	if p.ApparmorProfile != "" {
		l.AppArmor, l.AppArmorDirectory = lsm.HaveAppArmor(), lsm.HaveAppArmorDirectory()
		if !l.AppArmor && p.ApparmorProfile != lsm.Unconfined {
			return l, &fault.Error{Pointer: "/process/apparmorProfile", Op: "apparmor", Path: p.ApparmorProfile,
				Err: fault.Text("AppArmor is not enabled on this host"), Hint: "enable it, or leave the profile out"}
		}
	}
	if p.SelinuxLabel != "" && !lsm.HaveSELinux() {
		return l, &fault.Error{Pointer: "/process/selinuxLabel", Op: "selinux", Path: p.SelinuxLabel,
			Err: fault.Text("SELinux is not enabled on this host"), Hint: "enable it, or leave the label out"}
	}
	return l, nil
}

// checkMountLabel refuses a label for mounts that nobody would look at (I8).
func checkMountLabel(s *specs.Spec) error {
	if s.Linux == nil || s.Linux.MountLabel == "" || lsm.HaveSELinux() {
		return nil
	}
	return &fault.Error{Pointer: "/linux/mountLabel", Op: "selinux", Path: s.Linux.MountLabel,
		Err: fault.Text("SELinux is not enabled on this host"), Hint: "enable it, or leave the label out"}
}
