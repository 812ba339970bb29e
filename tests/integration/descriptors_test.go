package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// listDescriptors prints the open descriptors of process 1 of the container, in one line. It is another process that lists
// them, so that none appears which only listing needs.
const listDescriptors = "ls -x -w 999 /proc/1/fd; exit"

// extraFiles are files open in the runtime at 3 and on; gaps are closed descriptors.
func extraFiles(t *testing.T, open ...int) []*os.File {
	t.Helper()
	files := make([]*os.File, slices.Max(open)-2)
	for _, fd := range open {
		name := filepath.Join(t.TempDir(), "fd")
		must(t, os.WriteFile(name, []byte("descriptor "+itoa(fd)+"\n"), 0o600))
		f, err := os.Open(name)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		files[fd-3] = f
	}
	return files
}

// C9 E29: the program gets descriptors 0 to 2, those to be preserved, and no other that the caller had open.
func TestDescriptors(t *testing.T) {
	for _, test := range []struct {
		name  string
		open  []int
		flags []string
		want  string
	}{
		{"none", []int{3, 4, 7, 60}, nil, "0  1  2\n"},
		{"preserved", []int{3, 4, 5, 60}, []string{"--preserve-fds", "2"}, "0  1  2  3  4\n"},
		{"all that there are", []int{3, 4}, []string{"--preserve-fds", "2"}, "0  1  2  3  4\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withArgs("sh", "-c", listDescriptors))
			r := b.tryWith(invocation{extra: extraFiles(t, test.open...)}, "run", test.flags...).succeeds()
			wants(t, "descriptors", r.stdout, test.want)

			created := newBundle(t, withArgs("sh", "-c", listDescriptors))
			created.createWith(invocation{extra: extraFiles(t, test.open...)}, test.flags...).start()
			created.wait()
			wants(t, "descriptors after create and start", read(t, created.stdout), test.want)
		})
	}
}

// C9: a preserved descriptor is the caller's file.
func TestPreservedContent(t *testing.T) {
	b := newBundle(t, withShell("cat <&4"))
	r := b.tryWith(invocation{extra: extraFiles(t, 3, 4)}, "run", "--preserve-fds=2").succeeds()
	wants(t, "content", r.stdout, "descriptor 4\n")
}

// C9: a descriptor that was promised and is not open is an error, before anything is made.
func TestPreserveClosed(t *testing.T) {
	b := newBundle(t)
	b.tryWith(invocation{extra: extraFiles(t, 3, 6)}, "create", "--preserve-fds", "2").fails("preserve-fds", `"4"`)
	b.nothingLeft()
	b.try("create", "--preserve-fds", "-1").fails("preserve-fds")
}

// Q4: socket activation passes descriptors on, and tells the program by the same variables, with its own pid.
func TestListenFDs(t *testing.T) {
	b := newBundle(t, withShell("echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&4;"+listDescriptors))
	i := invocation{extra: extraFiles(t, 3, 4, 5), env: []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=a:b"}}
	wants(t, "output", b.tryWith(i, "run").succeeds().stdout, "2 1 a:b\ndescriptor 4\n0  1  2  3  4\n")

	other := newBundle(t, withShell("echo [$LISTEN_FDS$LISTEN_PID];"+listDescriptors))
	i = invocation{extra: extraFiles(t, 3), env: []string{"LISTEN_FDS=1", "LISTEN_PID=1"}}
	wants(t, "variables of another process", other.tryWith(i, "run").succeeds().stdout, "[]\n0  1  2\n")
}

// E29: nothing of the caller's environment reaches the program, but what TestListenFDs and TestNotifyStart are about.
func TestNoInheritedEnvironment(t *testing.T) {
	b := newBundle(t, withArgs("env"))
	b.spec.Process.Env = []string{"PATH=/bin", "A=1"}
	i := invocation{env: []string{"SECRET=1", "_OCI_SYNCPIPE=3", "XDG_RUNTIME_DIR=/run/x"}}
	env := strings.Fields(b.tryWith(i, "run").succeeds().stdout)
	slices.Sort(env)
	wants(t, "environment", strings.Join(env, " "), "A=1 HOME=/root PATH=/bin")
}

// E29 E30: while it waits for start, init holds no descriptor of the host but its streams, has nothing of the caller's
// environment, and cannot be traced or looked into by other processes of its user.
func TestWaitingInit(t *testing.T) {
	b := newBundle(t, withUser(1000, 1000))
	b.createWith(invocation{extra: extraFiles(t, 3, 9)})
	process := "/proc/" + itoa(b.pid)
	for _, name := range names(t, process+"/fd") {
		target := readlink(t, process+"/fd/"+name)
		inherited := name == "0" || name == "1" || name == "2"
		if !inherited && !strings.HasPrefix(target, "socket:") && !strings.HasPrefix(target, "anon_inode:") {
			t.Errorf("descriptor %s of init is %s", name, target)
		}
	}
	if environment := read(t, process+"/environ"); strings.Contains(environment, "PATH=") {
		t.Errorf("init has the environment of the caller: %q", environment)
	}
	wants(t, "user of init", statusFields(read(t, process+"/status"), "Uid:"), "1000 1000 1000 1000")
	var st unix.Stat_t
	must(t, unix.Stat(process+"/environ", &st))
	if st.Uid != 0 { // of a process that is not dumpable, the files belong to root (proc(5))
		t.Error("init is dumpable")
	}
}

// C5: the pidfd socket receives a pidfd of the init process.
func TestPidfdSocket(t *testing.T) {
	b := newBundle(t)
	socket := listen(t, filepath.Join(b.dir, "s"))
	b.create("--pidfd-socket", socket.path)
	fd, _ := socket.receive()
	defer unix.Close(fd)
	info := read(t, "/proc/self/fdinfo/"+itoa(fd))
	if !strings.Contains(info, "Pid:\t"+itoa(b.pid)+"\n") {
		t.Errorf("the descriptor is no pidfd of %d: %s", b.pid, info)
	}
}
