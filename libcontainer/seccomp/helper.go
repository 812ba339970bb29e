package seccomp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// helperTimeout is how long one compilation may take. Tens of milliseconds are usual, seconds have been seen with large
// profiles for many architectures on slow machines.
const helperTimeout = 30 * time.Second

// runHelper compiles a profile: one process, started from memory, that sees the profile and nothing else of ours.
func runHelper(profile *specs.LinuxSeccomp) (*protocol.Response, error) {
	request, err := json.Marshal(protocol.Request{Profile: profile})
	if err != nil {
		return nil, &fault.Error{Op: "encode", Pointer: fault.Ptr("linux", "seccomp"), Err: err}
	}
	if len(request) > protocol.MaxMessage {
		return nil, &fault.Error{Pointer: fault.Ptr("linux", "seccomp"), Err: unix.E2BIG, Hint: "a profile has at most 1 MiB"}
	}
	image, err := sealHelper()
	if err != nil {
		return nil, err
	}
	defer image.Close()
	output, err := execHelper(image, request, helperTimeout)
	if err != nil {
		return nil, err
	}
	return parseResponse(output)
}

// execHelper runs the image. Its environment is empty and its directory is "/": what it answers depends on the profile alone,
// as the cache assumes.
func execHelper(image *os.File, request []byte, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), timeout, fault.ErrTimeout)
	defer cancel()
	stdout := limitedBuffer{limit: 2 * protocol.MaxMessage} // a filter, and at most the names that were asked for
	stderr := limitedBuffer{limit: 4 << 10}
	cmd := exec.CommandContext(ctx, "/proc/self/fd/"+strconv.Itoa(int(image.Fd())))
	cmd.Args = []string{protocol.Name}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(request)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if line, _, _ := strings.Cut(string(stderr.b), "\n"); err != nil && line != "" {
		err = fault.Text(err.Error() + ": " + line)
	}
	if err != nil {
		return nil, &fault.Error{Op: "run", Path: protocol.Name, Err: err}
	}
	return stdout.b, nil
}

// parseResponse reads what the helper wrote.
func parseResponse(output []byte) (*protocol.Response, error) {
	var response protocol.Response
	if err := json.Unmarshal(output, &response); err != nil {
		return nil, &fault.Error{Op: "read answer of", Path: protocol.Name, Err: err}
	}
	if response.Problem != nil {
		return nil, response.Problem.Err()
	}
	if !validFilter(response.Filter) {
		return nil, &fault.Error{Op: "read answer of", Path: protocol.Name, Err: fault.Text("not a filter")}
	}
	return &response, nil
}

// sealHelper puts the helper into a memfd that cannot change any more, for its fd to be executed: the file system that
// tare's directories are on may be mounted noexec, as /run is on Debian.
func sealHelper() (*os.File, error) {
	description, err := protocol.ParseDescription(helperDescription)
	if err != nil {
		return nil, &fault.Error{Op: "seal", Path: protocol.Name, Err: err}
	}
	if sum := sha256.Sum256(helper); hex.EncodeToString(sum[:]) != description.Sum {
		return nil, &fault.Error{
			Op: "seal", Path: protocol.Name, Err: fault.Text("helper and description are of different builds"), Hint: "build again",
		}
	}
	fd, err := unix.MemfdCreate(protocol.Name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every memfd is executable and the flag is unknown
		fd, err = unix.MemfdCreate(protocol.Name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, &fault.Error{Op: "memfd_create", Path: protocol.Name, Err: err, Hint: "vm.memfd_noexec must be below 2"}
	}
	image := os.NewFile(uintptr(fd), protocol.Name)
	_, err = image.Write(helper)
	if err == nil {
		const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	}
	if err != nil {
		image.Close()
		return nil, &fault.Error{Op: "seal", Path: protocol.Name, Err: err}
	}
	return image, nil
}

// limitedBuffer keeps what is written to it; more than limit bytes are an error for the writer.
type limitedBuffer struct {
	b     []byte
	limit int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > l.limit {
		return 0, unix.EFBIG
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
