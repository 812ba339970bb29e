package integration

import (
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var meetings = flag.Int("meetings", 8, "rounds of each case of TestVerbsMeet")

// contend runs command lines at once. Each must succeed, or fail with one of the messages. Their streams are files, because
// a container may keep them.
func contend(t *testing.T, messages []string, commands ...[]string) (failed []string) {
	t.Helper()
	running := make([]*exec.Cmd, len(commands))
	errors := make([]string, len(commands))
	for i, args := range commands {
		running[i] = exec.Command(tare, append([]string{"--root", stateRoot()}, args...)...)
		stderr := create(t, filepath.Join(t.TempDir(), "stderr"))
		running[i].Stderr, errors[i] = stderr, stderr.Name()
		must(t, running[i].Start())
		must(t, stderr.Close())
	}
	for i, c := range running {
		hung := time.AfterFunc(commandTimeout, func() { c.Process.Kill() })
		err := c.Wait()
		if !hung.Stop() {
			t.Errorf("tare %s: still running after %v", strings.Join(commands[i], " "), commandTimeout)
		}
		if err == nil {
			continue
		}
		text := read(t, errors[i])
		if commands[i][0] == "exec" && c.ProcessState.ExitCode() == 128+int(syscall.SIGKILL) {
			continue // its program was killed with the container
		}
		failed = append(failed, commands[i][0])
		known := false
		for _, m := range messages {
			known = known || strings.Contains(text, m)
		}
		if !known {
			t.Errorf("tare %s: %v: %s", strings.Join(commands[i], " "), err, text)
		}
	}
	return failed
}

// K8: verbs that meet on one id, many times. Whoever comes first, each of them ends as if they had come one after the other,
// and when the container is deleted nothing is left: no process, frozen or not, no cgroup, no state.
func TestVerbsMeet(t *testing.T) {
	gone := []string{
		"container does not exist", "container not running", "container not paused", "container already paused", "cannot exec in a stopped container",
		"cannot exec in a paused container",
		"it was killed before", "the init process was killed (signal 9)", "it died before",
	}
	execute, detached := []string{"exec", "ID", "true"}, []string{"exec", "--detach", "ID", "true"}
	allow, deny := []string{"update", "--device-allow=c 1:11 r", "ID"}, []string{"update", "--device-deny=c 1:3 r", "ID"}
	force := []string{"delete", "--force", "ID"}
	for _, test := range []struct {
		name     string
		before   func(b *bundle)
		commands [][]string
		ends     bool     // init must end without being told again
		succeed  []string // verbs that must not fail
	}{
		{"update, delete", nil, [][]string{allow, force}, true, []string{"delete"}},
		{"update, delete of a paused one", pauseIt, [][]string{force, allow}, true, []string{"delete"}},
		{"update, update", nil, [][]string{allow, deny}, false, []string{"update"}},
		{"update, kill", nil, [][]string{allow, {"kill", "ID", "KILL"}}, true, []string{"kill"}},
		{"pause, kill", nil, [][]string{{"pause", "ID"}, {"kill", "ID", "KILL"}}, true, []string{"kill"}},
		{"pause, kill --all", nil, [][]string{{"kill", "--all", "ID", "KILL"}, {"pause", "ID"}}, true, []string{"kill"}},
		{"pause, delete", nil, [][]string{{"pause", "ID"}, force}, true, []string{"delete"}},
		{"resume, delete", pauseIt, [][]string{{"resume", "ID"}, force}, true, []string{"delete"}},
		{"pause, pause, resume", nil, [][]string{{"pause", "ID"}, {"pause", "ID"}, {"resume", "ID"}}, false, nil},
		{"kill, delete, delete", nil, [][]string{{"kill", "ID", "KILL"}, force, force}, true, []string{"delete"}},
		{"exec, exec, pause, resume", nil, [][]string{detached, detached, {"pause", "ID"}, {"resume", "ID"}}, false, nil},
		{"exec, delete", nil, [][]string{execute, force}, true, []string{"delete"}},
		{"exec, exec, kill", nil, [][]string{execute, execute, {"kill", "ID", "KILL"}}, true, []string{"kill"}},
		{"exec, update, delete, delete", nil, [][]string{execute, allow, force, force}, true, []string{"delete"}},
		{"pause, update, kill, delete", nil, [][]string{{"pause", "ID"}, allow, {"kill", "ID", "KILL"}, force}, true, []string{"delete"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range *meetings {
				b := newBundle(t).create().start()
				if test.before != nil {
					test.before(b)
				}
				var commands [][]string
				for _, args := range test.commands {
					commands = append(commands, strings.Split(strings.ReplaceAll(strings.Join(args, "\x00"), "ID", b.id), "\x00"))
				}
				for _, verb := range contend(t, gone, commands...) {
					for _, must := range test.succeed {
						if verb == must {
							t.Errorf("%s has failed", verb)
						}
					}
				}
				if test.ends {
					if status := b.wait(); status.Signal() != syscall.SIGKILL {
						t.Errorf("init ended with %v", status)
					}
				} else if s := b.state().Status; s != "running" && s != "paused" {
					t.Errorf("status %s", s)
				}
				stop := reapExecs()
				b.try("delete", "--force").succeeds()
				if !test.ends {
					b.wait()
				}
				b.nothingLeft()
				stop()
			}
		})
	}
}

func pauseIt(b *bundle) { b.try("pause").succeeds() }

// K8 C32: start and pause of a created container: either it is started and then paused, or start says that it is paused.
func TestStartMeetsPause(t *testing.T) {
	for range 8 {
		b := newBundle(t).create()
		failed := contend(t, []string{"cannot start a paused container"}, []string{"start", b.id}, []string{"pause", b.id})
		wants(t, "status", b.state().Status, "paused")
		b.try("resume").succeeds()
		want := "running"
		if len(failed) > 0 {
			want = "created"
		}
		wants(t, "status after resume", b.state().Status, want)
		b.try("delete", "--force").succeeds()
		b.wait()
		b.nothingLeft()
	}
}

// K8 JU9 JU10: of updates that meet each is whole: the rules in force are those of all of them, in some order.
func TestUpdatesMeet(t *testing.T) {
	b := newBundle(t).create()
	var commands [][]string
	for minor := range 6 {
		commands = append(commands, []string{"update", "--device-allow=c 9:" + itoa(minor) + " r", b.id})
	}
	contend(t, nil, commands...)
	if n := len(b.inForce().Devices); n != 7 {
		t.Errorf("%d rules in force, want the one of create and 6", n)
	}
}

// K8: any verb meets any other, on a container that is created and on one that runs. Each succeeds, or says which state the
// other has left; state tells the truth afterwards; and one delete --force leaves nothing.
func TestEveryPairMeets(t *testing.T) {
	verbs := []string{
		"create ID", "run --detach ID", "start ID", "kill ID KILL", "delete ID", "delete --force ID", "pause ID", "resume ID",
		"update --device-allow=c_1:11_r ID", "exec --detach ID true", "state ID", "ps ID", "events --stats ID", "list",
	}
	states := []string{
		"container with given ID already exists", "container does not exist", "container not running", "container not paused",
		"container already paused", "cannot start", "cannot exec in a", "cannot delete container", "while it is", "it was killed before",
		"the init process was killed (signal 9)", "it died before",
	}
	pair := 0
	for _, before := range []string{"created", "running"} {
		for i, first := range verbs {
			for _, second := range verbs[i:] {
				if pair++; pair%max(1, 8 / *meetings) != 0 {
					continue
				}
				b := newBundle(t)
				b.try("create").succeeds()
				if before == "running" {
					b.try("start").succeeds()
				}
				stop := reapExecs()
				contend(t, states, b.words(first), b.words(second))
				stop()
				b.checkTruth()
				b.teardown()
				if t.Failed() {
					t.Fatalf("%s: %s and %s", before, first, second)
				}
			}
		}
	}
}

// words are a command line; an underscore is a space within a word.
func (b *bundle) words(line string) []string {
	words := strings.Fields(strings.ReplaceAll(line, "ID", b.id))
	for i, w := range words {
		if w != b.id {
			words[i] = strings.ReplaceAll(w, "_", " ")
		}
	}
	if words[0] == "create" || words[0] == "run" {
		words = append([]string{words[0], "--bundle", b.dir}, words[1:]...)
	}
	return words
}
