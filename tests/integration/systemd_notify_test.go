package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Q3: a service of the type notify is up when the program of its container says so; in the background the container's init is
// the main process of the service.
func TestSystemdNotify(t *testing.T) {
	requireSystemd(t)
	for _, detach := range []bool{false, true} {
		t.Run(map[bool]string{false: "foreground", true: "detached"}[detach], func(t *testing.T) {
			b := telling(t, `while [ ! -e /tmp/go ]; do sleep 0.01; done; say "STATUS=it runs"; say READY=1; exec sleep 600`)
			b.writeConfig()
			unit := b.id + ".service"
			pidFile := filepath.Join(b.dir, "pid")
			args := []string{"--quiet", "--no-block", "--unit=" + unit, "--property=Type=notify", "--property=NotifyAccess=all", "--property=KillSignal=SIGKILL",
				"--property=WorkingDirectory=" + b.dir}
			args = append(args, tare, "--root", stateRoot(), "run", "--pid-file", pidFile)
			if detach {
				args = append(args, "--detach")
			}
			args = append(args[:len(args):len(args)], b.id)
			property := func(name string) string {
				return strings.TrimSpace(systemctl(t, "show", "--property="+name, "--value", unit))
			}
			output, err := exec.Command("systemd-run", args...).CombinedOutput()
			if err != nil {
				t.Fatalf("systemd-run: %v\n%s", err, output)
			}
			t.Cleanup(func() {
				_ = exec.Command("systemctl", "stop", unit).Run()
				_ = exec.Command("systemctl", "reset-failed", unit).Run()
			})
			eventually(t, "the program runs", func() bool { return exists(pidFile) && property("ActiveState") == "activating" })
			must(t, os.WriteFile(b.path("tmp/go"), nil, 0o644))
			eventually(t, "the service is up", func() bool { return property("ActiveState") == "active" })
			wants(t, "status", property("StatusText"), "it runs")
			if isInit := property("MainPID") == read(t, pidFile); isInit != detach {
				t.Errorf("main process %s, init %s", property("MainPID"), read(t, pidFile))
			}
		})
	}
}
