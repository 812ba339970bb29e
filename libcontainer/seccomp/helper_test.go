package seccomp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// withHelper runs the rest of a test as in a build with another helper, or none.
func withHelper(t *testing.T, executable []byte, description string) {
	t.Helper()
	oldHelper, oldDescription := helper, helperDescription
	t.Cleanup(func() { helper, helperDescription = oldHelper, oldDescription })
	helper, helperDescription = executable, description
}

// withProgram makes a program of this machine the helper.
func withProgram(t *testing.T, path string) {
	t.Helper()
	executable, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	sum := sha256.Sum256(executable)
	withHelper(t, executable, protocol.Description{Sum: hex.EncodeToString(sum[:]), Library: "0"}.Text())
}

// A helper that does anything but answer is an error; nothing it writes is taken for a filter.
func TestStrangeHelper(t *testing.T) {
	for _, row := range []struct{ name, program, want string }{
		{"writes nothing", "/bin/true", "unexpected end of JSON input"},
		{"fails", "/bin/false", "exit status 1"},
		{"fails and says why", "/bin/sleep", "missing operand"},
		{"repeats the question", "/bin/cat", "not a filter"},
		{"writes without end", "/usr/bin/yes", "signal: broken pipe"},
	} {
		t.Run(row.name, func(t *testing.T) {
			withProgram(t, row.program)
			program, err := Compile(withRule(specs.LinuxSyscall{Action: specs.ActErrno}), t.TempDir()+"/cache")
			if err == nil || program != nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("program %v, error %v; want one with %q", program, err, row.want)
			}
		})
	}
}

// A helper that hangs is killed.
func TestHelperDeadline(t *testing.T) {
	withProgram(t, "/bin/sh")
	image, err := sealHelper()
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	start := time.Now()
	_, err = execHelper(image, []byte("exec /bin/sleep 60\n"), 100*time.Millisecond)
	if !errors.Is(err, fault.ErrTimeout) {
		t.Errorf("error %v, want ErrTimeout", err)
	}
	if elapsed := time.Since(start); elapsed > 30*time.Second {
		t.Errorf("waited %v", elapsed)
	}
}

// What the helper knows of its surroundings: nothing. The cache assumes that the profile alone determines its answer.
func TestHelperSurroundings(t *testing.T) {
	t.Setenv("TARE_TEST", "leaked")
	withProgram(t, "/bin/sh")
	image, err := sealHelper()
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	output, err := execHelper(image, []byte("pwd; echo \"$TARE_TEST\"; unset PWD OLDPWD; exec /usr/bin/env\n"), time.Minute)
	if want := "/\n\n"; err != nil || string(output) != want {
		t.Errorf("helper saw %q, %v; want %q", output, err, want)
	}
}

// Nobody can change the image between the check of its hash and its execution.
func TestHelperIsSealed(t *testing.T) {
	withProgram(t, "/bin/true")
	image, err := sealHelper()
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if _, err := image.WriteAt([]byte{0}, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("write: %v, want EPERM", err)
	}
	if err := image.Truncate(0); !errors.Is(err, unix.EPERM) {
		t.Errorf("truncate: %v, want EPERM", err)
	}
}
