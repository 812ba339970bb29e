package libcontainer

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/foreground"
)

// Run creates and starts a container. Detached it returns once the program runs; else it stays in the foreground, hands
// signals on, and returns the program's exit status, 128+N if signal N ended it. The container is then deleted, unless Keep.
func (r *Runtime) Run(o RunOptions) (status int, err error) {
	if o.Detach {
		err = r.runDetached(&o)
	} else {
		status, err = r.runForeground(&o)
	}
	return status, verb("run", o.ID, err)
}

func (r *Runtime) runDetached(o *RunOptions) error {
	if err := r.create(&o.CreateOptions, nil); err != nil {
		return err
	}
	return r.startOrDelete(o.ID)
}

// startOrDelete starts a container that nobody else knows yet; if that fails nothing shall remain of it.
func (r *Runtime) startOrDelete(id string) error {
	err := r.start(id)
	if err != nil {
		if removal := r.delete(id, true); removal != nil {
			r.warn("run " + id + ": " + removal.Error())
		}
	}
	return err
}

func (r *Runtime) runForeground(o *RunOptions) (int, error) {
	if !o.NoSubreaper {
		if err := foreground.Subreaper(); err != nil {
			return 0, err
		}
	}
	session := foreground.Options{MasterFd: -1, ReapOrphans: !o.NoSubreaper, Stdin: os.Stdin, Stdout: os.Stdout}
	var terminal func(int, string) error
	if o.ConsoleSocket == "" {
		terminal = func(masterFd int, _ string) error {
			session.MasterFd = masterFd
			return nil
		}
	}
	if err := r.create(&o.CreateOptions, terminal); err != nil {
		closeFd(session.MasterFd)
		return 0, err
	}
	status, err := r.supervise(o.ID, session)
	if err != nil || o.Keep {
		return status, err
	}
	return status, r.delete(o.ID, true)
}

// supervise starts the created container and stays with it to its end.
func (r *Runtime) supervise(id string, session foreground.Options) (int, error) {
	d, record, err := r.open(id)
	if err != nil {
		return 0, err
	}
	d.Close()
	session.Pid = record.Init.Pid
	if session.Pidfd, err = openInit(record); err != nil {
		return 0, err
	}
	defer unix.Close(session.Pidfd)
	if session.Signals, err = foreground.CatchSignals(session.MasterFd >= 0); err != nil {
		return 0, err
	}
	session.Start = func() error { return r.startOrDelete(id) }
	return foreground.Supervise(session)
}
