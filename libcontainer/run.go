package libcontainer

import (
	"errors"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
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
	c, err := r.create(&o.CreateOptions, detachedRun)
	if err != nil {
		return err
	}
	defer c.close()
	relay, err := c.listenNotify(c.dir, c.init.Pid)
	if err != nil {
		return errors.Join(err, c.remove(c.dir, c.record))
	}
	defer relay.Close()
	if err := c.start(); err != nil {
		return err
	}
	return awaitReady(relay, c.dir)
}

// start starts what was just created, without the detour over the gate. If that fails nothing shall remain of a container
// that nobody else has used yet.
func (c *creation) start() error {
	err := startable(c.record)
	if err == nil {
		err = c.init.Begin(startTimeout(c.record), listenerFor(c.spec, c.hookState(specs.StateCreated, c.init.Pid)))
	}
	if err == nil {
		return c.poststart(c.dir, c.record)
	}
	if removal := c.remove(c.dir, c.record); removal != nil {
		c.warn("run " + c.o.ID + ": " + removal.Error())
	}
	return err
}

func (r *Runtime) runForeground(o *RunOptions) (int, error) {
	if !o.NoSubreaper {
		if err := foreground.Subreaper(); err != nil {
			return 0, err
		}
	}
	c, err := r.create(&o.CreateOptions, foregroundRun)
	if err != nil {
		return 0, err
	}
	defer c.close()
	status, err := c.supervise(!o.NoSubreaper)
	if err != nil || o.Keep {
		return status, err
	}
	return status, c.end()
}

// supervise starts the created container and stays with it to its end. Other verbs can use the container meanwhile.
func (c *creation) supervise(subreaper bool) (int, error) {
	relay, err := c.listenNotify(c.dir, c.init.Pid)
	if err != nil {
		return 0, errors.Join(err, c.remove(c.dir, c.record))
	}
	defer relay.Close()
	session := foreground.Options{
		Pid: c.init.Pid, Pidfd: c.init.Pidfd, ReapOrphans: subreaper,
		MasterFd: c.masterFd, Stdin: os.Stdin, Stdout: os.Stdout,
		Start: func() error {
			defer c.dir.Unlock()
			return c.start()
		},
	}
	if relay != nil {
		relay.Stays = true
		session.Notified = relay
	}
	c.masterFd = -1 // Supervise closes it
	if session.Signals, err = foreground.CatchSignals(session.MasterFd >= 0); err != nil {
		return 0, errors.Join(err, c.remove(c.dir, c.record))
	}
	return foreground.Supervise(session)
}

// end deletes the container that has just ended, unless somebody else has.
func (c *creation) end() error {
	if err := c.dir.Lock(); err != nil {
		if err == fault.ErrNotExist {
			return nil
		}
		return err
	}
	return c.remove(c.dir, c.record)
}
