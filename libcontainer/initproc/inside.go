package initproc

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/rootfs"
	"github.com/tare-run/tare/libcontainer/wire"
)

// What is done in a running container, without a program to execute.

func (p *proc) openInside() (err error) {
	p.root, err = rootfs.OpenInside()
	return err
}

// report does what cannot be taken back, and says so.
func (p *proc) report() error {
	if err := p.withProc(p.root.Unmount); err != nil {
		return err
	}
	return p.conn.Send(&wire.Created{})
}

// takeBack undoes the mounts of a plan that has failed in a running container; elsewhere they end with init.
func (p *proc) takeBack() {
	if p.root == nil || !p.root.Added() {
		return
	}
	if err := p.withProc(p.root.TakeBack); err != nil {
		p.warn((&fault.Error{Op: "take back a mount", Err: err, Hint: "it stays in the container"}).Error())
	}
}
