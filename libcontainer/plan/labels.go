package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/lsm"
	"github.com/tare-run/tare/libcontainer/step"
)

// labels come while init is root: the files that they are written to are root's, because init is not dumpable. They take
// effect with the program, and with no hook before it.
func (c *compiler) labels(p *specs.Process) {
	if p.ApparmorProfile != "" && (c.in.Labels.AppArmor || p.ApparmorProfile != lsm.Unconfined) {
		c.add("/process/apparmorProfile", &step.AppArmor{Profile: p.ApparmorProfile, Own: c.in.Labels.AppArmorDirectory})
	}
	if p.SelinuxLabel != "" {
		c.add("/process/selinuxLabel", &step.SELinux{Label: p.SelinuxLabel})
	}
}

// keyring joins the session keyring, which has the label of the program that is to use it.
func (c *compiler) keyring() {
	label := ""
	if p := c.spec.Process; p != nil {
		label = p.SelinuxLabel
	}
	if label != "" {
		c.add("/process/selinuxLabel", &step.KeyLabel{Label: label})
	}
	c.add("", &step.Keyring{Name: "_ses." + c.in.ID})
	if label != "" {
		c.add("/process/selinuxLabel", &step.KeyLabel{})
	}
}
