package engines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// daemon starts a program that runs until the tests of the engine end, and waits until it answers.
func daemon(t *testing.T, answers func() error, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(workspace, filepath.Base(name)+".log"))
	must(t, err)
	defer log.Close()
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = workspace, log, log
	must(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(commandTimeout):
			_ = c.Process.Kill()
			t.Errorf("%s does not end", name)
		}
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the end of the log of %s: %s", name, text[max(0, len(text)-4000):])
		}
	})
	for deadline := time.Now().Add(commandTimeout); ; time.Sleep(50 * time.Millisecond) {
		err := answers()
		if err == nil {
			return
		}
		select {
		case status := <-ended:
			ended <- status
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s ended: %v\n%s", name, status, text)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v", name, err)
		}
	}
}

// answered is the success of a command.
func answered(args ...string) error {
	if output, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w: %s", args, err, output)
	}
	return nil
}
