package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bareIterations is how often one round does the bare work. It is done in a process of its own, whose start is not counted.
const bareIterations = 10

// measureBare runs the bare work once and returns the cost of one container.
func measureBare(rootfs string) (cost, error) {
	cmd := exec.Command("/proc/self/exe", "-bare", strconv.Itoa(bareIterations), rootfs)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return cost{}, fmt.Errorf("bare: %w", err)
	}
	var cpu, wall int64
	if _, err := fmt.Sscan(string(out), &cpu, &wall); err != nil {
		return cost{}, fmt.Errorf("bare: %w", err)
	}
	return cost{cpu: time.Duration(cpu), wall: time.Duration(wall)}, nil
}

// printBare does the work n times and prints the CPU and wall nanoseconds of one.
func printBare(rootfs string, n int) error {
	config, err := readBareConfig()
	if err != nil {
		return err
	}
	if err := bareContainer(rootfs, config); err != nil { // warm up
		return err
	}
	cpu, wall := allCPU(), time.Now()
	for range n {
		if err := bareContainer(rootfs, config); err != nil {
			return err
		}
	}
	count := int64(n)
	fmt.Println(int64(allCPU()-cpu)/count, int64(time.Since(wall))/count)
	return nil
}

// allCPU is the CPU time of this process, its finished threads included, and of its children.
func allCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return childrenCPU() + time.Duration(usage.Utime.Nano()+usage.Stime.Nano())
}

// bareContainer does what the kernel has to do for one container of the benchmark's configuration, and nothing else.
//
// There is no runtime process: a thread of this program enters new namespaces with unshare(2), makes the mounts, pivots,
// and starts the program with vfork and exec. The thread is never unlocked, so it ends with its goroutine and the
// namespaces end with it.
func bareContainer(rootfs string, config *bareConfig) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- bareOnThread(rootfs, config)
	}()
	return <-done
}

func bareOnThread(rootfs string, config *bareConfig) error {
	// By descriptor, because the path leads elsewhere once the root has changed.
	const cgroups, cgroup = "/sys/fs/cgroup", "tare-bench-bare"
	cgroupsFd, err := unix.Open(cgroups, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: cgroups, Err: err}
	}
	defer unix.Close(cgroupsFd)
	if err := unix.Mkdirat(cgroupsFd, cgroup, 0o755); err != nil {
		return &os.PathError{Op: "mkdir", Path: cgroup, Err: err}
	}
	defer unix.Unlinkat(cgroupsFd, cgroup, unix.AT_REMOVEDIR)
	cgroupFd, err := unix.Openat(cgroupsFd, cgroup, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: cgroup, Err: err}
	}
	defer unix.Close(cgroupFd)

	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	if err := unix.Unshare(namespaces); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Sethostname([]byte("bench")); err != nil {
		return os.NewSyscallError("sethostname", err)
	}
	if err := config.prepareRoot(rootfs); err != nil {
		return err
	}
	pid, err := syscall.ForkExec("/bin/true", []string{"/bin/true"}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: cgroupFd, Setsid: true},
	})
	if err != nil {
		return &os.PathError{Op: "exec", Path: "/bin/true", Err: err}
	}
	return reap(pid)
}
