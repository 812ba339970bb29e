// Package userns sets up new user and time namespaces from outside: the mappings of ids, by the kernel's files or by
// newuidmap(1) and newgidmap(1), and the offsets of clocks. It owns the explanations of what forbids a user namespace.
//
// It may not make or enter a namespace (package launch does), nor decide whether one is wanted. It starts no process itself.
package userns
