package rootfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// fsContext is a file system being configured (fsopen(2)).
type fsContext struct{ fd int }

// maxOptionValue is how long the value of one option may be: fsconfig(2) takes 256 bytes with the terminating NUL. There is no
// limit on all options together, as mount(2) has with one page (F22).
const maxOptionValue = 255

func openContext(fsType string) (fsContext, error) {
	fd, err := unix.Fsopen(fsType, unix.FSOPEN_CLOEXEC)
	if err == unix.ENODEV {
		return fsContext{-1}, &callError{call: "fsopen", errno: err, detail: "the kernel has no such file system"}
	}
	return fsContext{fd}, called("fsopen", err)
}

// pickContext opens the configuration of a superblock that is mounted, by the root of the mount.
func pickContext(mountFd int) (fsContext, error) {
	fd, err := unix.Fspick(mountFd, "", unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)
	return fsContext{fd}, called("fspick", err)
}

func (c fsContext) close() { unix.Close(c.fd) }

// setAll configures the superblock words and the file system's own options.
func (c fsContext) setAll(o *step.MountOptions) error {
	for _, word := range o.Super {
		if err := c.explain("fsconfig "+word, unix.FsconfigSetFlag(c.fd, word)); err != nil {
			return err
		}
	}
	for _, option := range o.Data {
		if err := c.set(option); err != nil {
			return err
		}
	}
	return nil
}

// set configures one option: key=value, or a word.
func (c fsContext) set(option string) error {
	key, value, isPair := strings.Cut(option, "=")
	if !isPair {
		return c.explain("fsconfig "+option, unix.FsconfigSetFlag(c.fd, option))
	}
	if isLabel(key) {
		value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
	}
	if len(value) > maxOptionValue {
		return &callError{call: "fsconfig " + key, errno: unix.E2BIG, detail: "an option's value has at most 255 bytes"}
	}
	return c.explain("fsconfig "+option, unix.FsconfigSetString(c.fd, key, value))
}

// isLabel lists the options of security modules. Their values come in quotes, which mount(2) strips and fsconfig(2) does not.
func isLabel(key string) bool {
	switch key {
	case "context", "fscontext", "defcontext", "rootcontext":
		return true
	}
	return false
}

// mount creates the superblock, or finds the existing one, and returns a detached mount of it.
func (c fsContext) mount(attrs uint64) (int, error) {
	if err := c.explain("fsconfig", unix.FsconfigCreate(c.fd)); err != nil {
		return -1, err
	}
	fd, err := unix.Fsmount(c.fd, unix.FSMOUNT_CLOEXEC, int(attrs))
	return fd, c.explain("fsmount", err)
}

// explain adds to an error what the file system has written into the context's log, one message for each read, such as
// "e tmpfs: Bad value for 'size'" with a letter for the severity.
func (c fsContext) explain(call string, err error) error {
	if err == nil {
		return nil
	}
	var messages []string
	var buf [512]byte
	for range 8 {
		n, e := unix.Read(c.fd, buf[:])
		if e != nil || n <= 0 { // ENODATA: no more
			break
		}
		message := strings.TrimSpace(string(buf[:n]))
		if len(message) > 2 && message[1] == ' ' {
			message = message[2:]
		}
		messages = append(messages, message)
	}
	return &callError{call: call, errno: err, detail: strings.Join(messages, "; ")}
}
