package devices

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/step"
)

// bindHostNode shows the host's node of the same path instead of a new one: in a user namespace the kernel permits no
// mknod(2), and ignores device nodes on file systems mounted there. The host's node must be exactly the device asked for; its
// mode and owner stay the host's.
func bindHostNode(root safepath.Root, d *step.Device) error {
	treeFd, err := unix.OpenTree(unix.AT_FDCWD, d.Path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err == unix.ENOENT {
		return errNoHost
	}
	if err != nil {
		return err
	}
	defer unix.Close(treeFd)
	var st unix.Stat_t
	if err := unix.Fstat(treeFd, &st); err != nil {
		return err
	}
	if !same(d, &st) {
		return errNoHost
	}
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
