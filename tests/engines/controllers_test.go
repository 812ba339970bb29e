package engines

import (
	"os"
	"slices"
	"strings"
)

// hasController says whether cgroups of this machine, or of the view that the tests have of it, can be limited by a controller.
func hasController(name string) bool {
	if unified, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return name == "freezer" || slices.Contains(strings.Fields(string(unified)), name)
	}
	_, err := os.Stat("/sys/fs/cgroup/" + name)
	return err == nil
}

// needs ends an operation on a machine without one of these controllers.
func (e *engine) needs(controllers ...string) {
	for _, name := range controllers {
		if !hasController(name) {
			panic(lacking{"the cgroup controller " + name + " is not there"})
		}
	}
}
