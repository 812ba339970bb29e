package process

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/step"
)

// E10, E11, E12: ids, groups and umask of this thread and no other; permitted capabilities survive.
func TestIdentity(t *testing.T) {
	for _, tc := range []struct {
		name                     string
		before                   []uint32 // groups
		id                       step.Identity
		uid, gid, groups, umask  string
		keepsPermitted, keepsEff bool
	}{
		{
			name: "user with groups and umask", id: step.Identity{UID: 1000, GID: 1001, Groups: []uint32{5, 70000}, Umask: 0o027, HasUmask: true},
			uid: "1000 1000 1000 1000", gid: "1001 1001 1001 1001", groups: "5 70000", umask: "0027", keepsPermitted: true,
		},
		{
			name: "root without groups", id: step.Identity{},
			uid: "0 0 0 0", gid: "0 0 0 0", groups: "", umask: "0031", keepsPermitted: true, keepsEff: true,
		},
		{
			name: "groups are kept", before: []uint32{7, 8}, id: step.Identity{UID: 1000, GID: 1000, KeepGroups: true},
			uid: "1000 1000 1000 1000", gid: "1000 1000 1000 1000", groups: "7 8", umask: "0031", keepsPermitted: true,
		},
		{
			name: "an id above 16 bits", id: step.Identity{UID: 65536, GID: 4294967294},
			uid: "65536 65536 65536 65536", gid: "4294967294 4294967294 4294967294 4294967294", groups: "", umask: "0031", keepsPermitted: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) // of the whole process
			onThread(t, func() {
				unix.Umask(0o031)
				if err := sys.SetGroups(tc.before); err != nil {
					t.Error(err)
				}
				permitted := status(t, "CapPrm")
				warning, err := Identity(&tc.id)
				if warning != nil || err != nil {
					t.Errorf("warning %v, error %v", warning, err)
				}
				for field, want := range map[string]string{"Uid": tc.uid, "Gid": tc.gid, "Groups": tc.groups, "Umask": tc.umask} {
					if got := status(t, field); got != want {
						t.Errorf("%s: %q, want %q", field, got, want)
					}
				}
				if kept := status(t, "CapPrm") == permitted; kept != tc.keepsPermitted {
					t.Errorf("permitted set kept: %v", kept)
				}
				if kept := strings.Trim(status(t, "CapEff"), "0") != ""; kept != tc.keepsEff {
					t.Errorf("effective set kept: %v", kept)
				}
				if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != 0 {
					t.Errorf("dumpable %d, %v", d, err)
				}
			})
			if os.Getuid() != 0 {
				t.Error("the identity of other threads changed")
			}
		})
	}
}

// E10, E12: in a user namespace an id without mapping is an error that says so, and setgroups may be denied.
func TestIdentityInUserNamespace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mapping ids needs root")
	}
	for _, tc := range []struct {
		name, what string
		setgroups  bool
		want       string
	}{
		{"uid without mapping", "unmapped-uid", true, `setresuid "1": invalid argument; the id has no mapping in the container's user namespace`},
		{"group without mapping", "unmapped-group", true, "setgroups: invalid argument; every id in additionalGids must be mapped"},
		{"groups denied", "unmapped-group", false, "setgroups: operation not permitted; this needs CAP_SETGID"},
		{"no groups and none to clear", "no-groups", false, "ok | ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := helperCommand(tc.what)
			c.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:                 syscall.CLONE_NEWUSER,
				UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
				GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
				GidMappingsEnableSetgroups: tc.setgroups,
			}
			if err := unix.Setgroups(nil); err != nil {
				t.Skip("cannot clear our own groups: ", err)
			}
			if got := output(t, c); !strings.HasPrefix(got, tc.want) {
				t.Errorf("got  %s\nwant %s…", got, tc.want)
			}
		})
	}
}

// E21.
func TestNoNewPrivs(t *testing.T) {
	onThread(t, func() {
		if err := NoNewPrivs(); err != nil {
			t.Error(err)
		}
		if got := status(t, "NoNewPrivs"); got != "1" {
			t.Errorf("NoNewPrivs: %s", got)
		}
	})
}

// D21: files and pipes change hands, /dev/null does not; the group stays.
func TestStdio(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("chown needs root")
	}
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Chown(0, 77); err != nil {
		t.Fatal(err)
	}
	var before, after, st unix.Stat_t
	if err := unix.Stat("/dev/null", &before); err != nil {
		t.Fatal(err)
	}
	c := helperCommand("stdio") // stdin is /dev/null
	c.Stdout, c.Stderr = file, file
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(file.Name()); string(data) != "ok" {
		t.Errorf("Stdio: %s", data)
	}
	if err := unix.Fstat(int(file.Fd()), &st); err != nil || st.Uid != 1234 || st.Gid != 77 {
		t.Errorf("stdout belongs to %d:%d, %v; want 1234:77", st.Uid, st.Gid, err)
	}
	if err := unix.Stat("/dev/null", &after); err != nil || after.Uid != before.Uid {
		t.Errorf("/dev/null belongs to %d now, %v", after.Uid, err)
	}
}
