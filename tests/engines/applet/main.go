// Command applet is the program of the images that critest asks for: a web server in place of nginx and httpd, and by other names what
// busybox lacks.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The name by which critest knows nginx in a list of processes.
const title = "nginx: master process"

func main() {
	applet := serve
	switch filepath.Base(os.Args[0]) {
	case "nnp": // set-user-ID
		applet = func() error { _, err := fmt.Printf("Effective uid: %d\n", os.Geteuid()); return err }
	case "ipcs":
		applet = sharedMemory
	case "pgrep":
		applet = processes
	}
	if err := applet(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers on the port that is the argument, or 80.
func serve() error {
	if !strings.HasPrefix(os.Args[0], title) {
		return syscall.Exec("/proc/self/exe", append([]string{title}, os.Args[1:]...), os.Environ())
	}
	if err := os.WriteFile("/var/run/nginx.pid", fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	port := "80"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	fmt.Println("in place of nginx and httpd") // critest looks for their names in the log
	return http.ListenAndServe(":"+port, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
}

// sharedMemory is ipcs -m.
func sharedMemory() error {
	segments, err := os.Open("/proc/sysvipc/shm")
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, segments)
	return err
}

// processes prints the pids of those whose name contains the argument.
func processes() error {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	for _, path := range names {
		if name, err := os.ReadFile(path); err == nil && bytes.Contains(name, []byte(os.Args[1])) {
			fmt.Println(filepath.Base(filepath.Dir(path)))
		}
	}
	return nil
}
