package launch

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// plan decides between the two clones who makes which namespaces, from what is joined.
//
// A namespace is owned by the user namespace in which it is made, so after one has been joined it is the second clone that
// makes them. Without one, the first makes all that the second need not.
func (c *rawChild) plan(made uintptr) {
	share := uintptr(unix.CLONE_VM)
	for i := range c.joins {
		kind := c.joins[i].kind
		c.split = c.split || kind&unix.CLONE_NEWPID != 0
		if kind&(unix.CLONE_NEWTIME|unix.CLONE_NEWUSER) != 0 {
			share = 0
		}
		if kind&unix.CLONE_NEWUSER != 0 {
			c.userJoin = i
		}
	}
	c.args.flags = c.args.flags&^unix.CLONE_VM | uint64(share)
	c.secondFlags = share | unix.CLONE_VFORK | unix.CLONE_PARENT
	if c.userJoin >= 0 && made != 0 {
		c.split = true
		c.args.flags &^= uint64(made)
		c.secondFlags |= made
	}
}

// prepare gets ready what finish takes back. Whoever is in a user namespace that a child of ours enters may be privileged
// there, and must be able neither to look at that child nor to trace it, whose copy of our memory is as dumpable as the
// original was when it was made (CVE-2016-9962).
func (c *rawChild) prepare() error {
	if c.userJoin >= 0 {
		var err error
		if c.dumpable, err = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err == nil {
			err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
		}
		if err != nil {
			return &fault.Error{Op: "prctl", Path: "PR_SET_DUMPABLE", Err: err}
		}
	}
	if c.args.flags&unix.CLONE_VM != 0 {
		return nil
	}
	page, err := unix.Mmap(-1, 0, int(unsafe.Sizeof(childResult{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return &fault.Error{Op: "mmap", Err: err}
	}
	c.shared = page
	c.childResult = (*childResult)(unsafe.Pointer(&page[0]))
	return nil
}

func (c *rawChild) finish() {
	if c.shared != nil {
		c.own = *c.childResult
		c.childResult = &c.own
		unix.Munmap(c.shared)
	}
	if c.dumpable == 1 { // 2 cannot be set
		unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	}
}
