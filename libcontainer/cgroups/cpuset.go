package cgroups

// inheritCpuset gives each cgroup on the way to the container's the CPUs and memory nodes of its parent, where it has
// none: unlike in v2, a new cpuset of v1 is empty, and no process can join it (cpusets.rst, "Usage Examples").
func inheritCpuset(mount string, names []string) error {
	parent := &directory{path: mount, dirFd: -1}
	defer func() { parent.close() }()
	if _, err := parent.open(); err != nil {
		return err
	}
	for _, name := range names {
		child, err := parent.child(name)
		if err != nil {
			return err
		}
		for _, file := range [...]string{"cpuset.cpus", "cpuset.mems"} {
			if err := copyIfEmpty(parent, child, file); err != nil {
				child.close()
				return err
			}
		}
		parent.close()
		parent = child
	}
	return nil
}

func copyIfEmpty(parent, child *directory, file string) error {
	value, err := child.read(file)
	if err != nil || value != "" {
		return err
	}
	inherited, err := parent.read(file)
	if err != nil {
		return err
	}
	return child.write(file, inherited)
}
