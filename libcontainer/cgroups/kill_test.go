package cgroups

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
)

// J37: without cgroup.kill, before Linux 5.14, each process is killed by itself, in the cgroups below too.
func TestKillWithoutCgroupKill(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: makes cgroups")
	}
	host, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	m := host.New("/tare-test-kill-" + strconv.Itoa(os.Getpid()))
	defer m.Close()
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Destroy(5 * time.Second); err != nil {
			t.Error(err)
		}
	})
	h := m.tracking()
	first, second := cgrouptest.Start(t, m), cgrouptest.Start(t, m)
	sub := h.path + "/sub"
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sub+"/cgroup.procs", []byte(strconv.Itoa(second.Pid())), 0); err != nil {
		t.Fatal(err)
	}
	if err := m.killEach(h); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*cgrouptest.Process{first, second} {
		select {
		case <-p.Exited():
		case <-time.After(5 * time.Second):
			t.Errorf("process %d lives", p.Pid())
		}
	}
	if frozen, err := m.Frozen(); err != nil || frozen {
		t.Errorf("frozen: %v, %v", frozen, err) // the next process would stop in it
	}
}
