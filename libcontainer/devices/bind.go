package devices

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/step"
)

// bindHostNode shows the host's node instead of a new one: in a user namespace the kernel permits no mknod(2), and ignores
// device nodes on file systems mounted there. The host's node must be exactly the device asked for; its mode and owner stay
// the host's. It is looked for at the same path, then under the name that the kernel gives the device.
func bindHostNode(root safepath.Root, d *step.Device) error {
	treeFd, err := openHostNode(d, d.Path)
	if err == errNoHost {
		treeFd, err = openHostNode(d, kernelName(d))
	}
	if err != nil {
		return err
	}
	defer unix.Close(treeFd)
	var st unix.Stat_t
	targetFd, err := root.CreateFile(d.Path, 0o644)
	if err != nil {
		return err
	}
	defer unix.Close(targetFd)
	if err := unix.Fstat(targetFd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG { // somebody was faster
		return errDiffers
	}
	return unix.MoveMount(treeFd, "", targetFd, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// openHostNode clones the mount of a node of the host that is that device.
func openHostNode(d *step.Device, path string) (treeFd int, err error) {
	treeFd, err = unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err == unix.ENOENT {
		return -1, errNoHost
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(treeFd, &st); err == nil && !same(d, &st) {
		err = errNoHost
	}
	if err != nil {
		unix.Close(treeFd)
		return -1, err
	}
	return treeFd, nil
}

// kernelName is where devtmpfs has the node; "" if the kernel does not say.
func kernelName(d *step.Device) string {
	kind := "char"
	if d.Type == 'b' {
		kind = "block"
	}
	number := strconv.FormatUint(uint64(d.Major), 10) + ":" + strconv.FormatUint(uint64(d.Minor), 10)
	fd, err := unix.Open("/sys/dev/"+kind+"/"+number+"/uevent", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var text [4096]byte // at most one page
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text[:n])) {
		if name, ok := strings.CutPrefix(line, "DEVNAME="); ok {
			return "/dev/" + strings.TrimSuffix(name, "\n")
		}
	}
	return ""
}
