package engines

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// service is a program that runs until the tests of its engine end.
type service struct {
	command []string
	answers func() error // until then it has not started
	process *os.Process
	ended   chan error
}

// daemon starts a service, and waits until it answers.
func daemon(t *testing.T, answers func() error, name string, args ...string) *service {
	t.Helper()
	s := &service{command: append([]string{name}, args...), answers: answers}
	must(t, os.RemoveAll(s.log()))
	t.Cleanup(func() {
		if s.process != nil {
			if err := s.stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			text := s.logged()
			t.Logf("the end of the log of %s: %s", name, text[max(0, len(text)-4000):])
		}
	})
	must(t, s.start())
	return s
}

func (s *service) log() string {
	return filepath.Join(workspace, filepath.Base(s.command[0])+".log")
}

func (s *service) logged() string {
	text, _ := os.ReadFile(s.log())
	return string(text)
}

func (s *service) start() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(s.command[0], s.command[1:]...)
	c.Dir, c.Stdout, c.Stderr = workspace, log, log
	if err := c.Start(); err != nil {
		return err
	}
	s.process, s.ended = c.Process, make(chan error, 1)
	go func() { s.ended <- c.Wait() }()
	for deadline := time.Now().Add(commandTimeout); ; time.Sleep(50 * time.Millisecond) {
		err := s.answers()
		if err == nil {
			return nil
		}
		select {
		case status := <-s.ended:
			s.process = nil
			return fmt.Errorf("%s ended: %w\n%s", s.command[0], errors.Join(status, err), s.logged())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %w", s.command[0], err)
		}
	}
}

// stop ends it by a signal.
func (s *service) stop(signal syscall.Signal) (err error) {
	_ = s.process.Signal(signal)
	select {
	case <-s.ended:
	case <-time.After(commandTimeout):
		_ = s.process.Kill()
		err = fmt.Errorf("%s does not end", s.command[0])
	}
	s.process = nil
	return err
}

// answered is the success of a command.
func answered(args ...string) error {
	if output, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w: %s", args, err, output)
	}
	return nil
}
