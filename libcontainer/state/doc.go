// Package state owns the runtime root and the directory of each container in it: the lock, the record, the saved
// configuration and the start gate.
//
//	<root>/                  0700, owned by the caller
//	<root>/.cache/           the sealed init image, compiled seccomp programs; ids cannot begin with a dot
//	<root>/<id>/             0700; locked with flock(2) by every verb that changes the container
//	<root>/<id>/config.json  the exact bytes given at create: later edits of the bundle must not matter (runtime.md)
//	<root>/<id>/state.json   the record; written to a temporary name and renamed
//	<root>/<id>/start        the start gate, a listening socket, while the container waits for start
//
// It may not touch processes or cgroups: whether a recorded process still lives is for package libcontainer to say.
//
// S1. Intent before resource: the record with status creating is on disk before the first resource exists, with every name
// that will be used. Whatever is killed when, delete --force finds it all.
// S2. One lock for each container, on its directory. The kernel drops it with the process that holds it. Who gets the lock
// of a directory that was removed meanwhile sees "does not exist".
// S3. Everything is reached from a descriptor of the root by single names, without following links.
package state
