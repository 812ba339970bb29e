package integration

import (
	"flag"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	manyCount  = flag.Int("many", 60, "containers of TestManyAtOnce")
	listCount  = flag.Int("listed", 60, "containers of TestManyListed")
	manyAtOnce = 8
)

// K8: containers that are created, started, asked about and deleted side by side do not get in each other's way, and leave
// nothing.
func TestManyAtOnce(t *testing.T) {
	bundles := sharedBundles(t, *manyCount, "true")
	inParallel(bundles, func(b *bundle) {
		b.pid = 0
		for _, verb := range []string{"create", "state", "start"} {
			if r := b.tryAt(verb); r.status != 0 {
				t.Error(r)
			}
		}
		if r := b.tryAt("delete", "--force"); r.status != 0 {
			t.Error(r)
		}
	})
	for _, b := range bundles {
		if left := b.cgroups(); len(left) > 0 || exists(filepath.Join(stateRoot(), b.id)) {
			t.Errorf("%s is left: %q", b.id, left)
		}
	}
}

// C29 C30: many containers are listed, each once.
func TestManyListed(t *testing.T) {
	bundles := sharedBundles(t, *listCount, "true")
	inParallel(bundles, func(b *bundle) {
		if r := b.tryAt("create"); r.status != 0 {
			t.Error(r)
		}
	})
	listed := map[string]int{}
	for _, id := range strings.Fields(run(t, "list", "-q").succeeds().stdout) {
		listed[id]++
	}
	for _, b := range bundles {
		if listed[b.id] != 1 {
			t.Errorf("%s is listed %d times", b.id, listed[b.id])
		}
	}
	inParallel(bundles, func(b *bundle) {
		if r := b.tryAt("delete", "--force"); r.status != 0 {
			t.Error(r)
		}
	})
}

// sharedBundles are containers of one bundle directory, which is read and never written to.
func sharedBundles(t *testing.T, n int, args ...string) []*bundle {
	t.Helper()
	first := newBundle(t, withArgs(args...))
	first.writeConfig()
	t.Cleanup(func() { leftProcesses() })
	list := []*bundle{first}
	for i := 1; i < n; i++ {
		b := *first
		b.id += "-" + itoa(i)
		list = append(list, &b)
	}
	return list
}

// tryAt runs a verb without writing config.json.
func (b *bundle) tryAt(verb string, flags ...string) result {
	return invoke(b.t, invocation{dir: b.dir, args: append(append([]string{verb}, flags...), b.id)})
}

func inParallel(bundles []*bundle, do func(*bundle)) {
	var group sync.WaitGroup
	queue := make(chan *bundle)
	for range manyAtOnce {
		group.Go(func() {
			for b := range queue {
				do(b)
			}
		})
	}
	for _, b := range bundles {
		queue <- b
	}
	close(queue)
	group.Wait()
}
