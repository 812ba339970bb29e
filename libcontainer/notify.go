package libcontainer

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/notify"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/state"
)

// The service manager that runs the runtime may want to hear when the container is ready (sd_notify(3)). Create gives the
// container a directory; whoever starts the container makes the socket in it, and passes on what comes.

// notifies says whether somebody wants to hear of this container.
func (c *creation) notifies() bool { return c.NotifySocket != "" && c.spec.Process != nil }

func (c *creation) planNotify(in *plan.Input) error {
	if !c.notifies() {
		return nil
	}
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return &fault.Error{Op: "runtime root", Path: c.Root, Err: errnoOf(err)}
	}
	in.NotifyDir = state.NotifyPath(root, c.o.ID)
	in.ExtraEnv = append(slices.Clip(in.ExtraEnv), notify.Variable)
	return nil
}

func (c *creation) makeNotify() error {
	if !c.notifies() {
		return nil
	}
	return c.dir.MakeNotify()
}

// listenNotify makes the socket before the program runs. Nil means that nobody wants to hear, or could when the container was
// created. Init lives.
func (r *Runtime) listenNotify(d *state.Dir, pid int) (*notify.Relay, error) {
	if r.NotifySocket == "" {
		return nil, nil
	}
	fd, err := d.OpenNotify()
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, &fault.Error{Op: "open", Path: d.NotifyPath(), Err: err}
	}
	defer unix.Close(fd)
	return notify.Listen(fd, r.NotifySocket, pid)
}

// awaitReady is for a runtime that does not stay: it returns when the program is ready, or has ended. Other verbs can use the
// container meanwhile.
func awaitReady(relay *notify.Relay, d *state.Dir) error {
	if relay == nil {
		return nil
	}
	d.Unlock()
	return relay.AwaitReady()
}
