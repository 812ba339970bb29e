// Package rootfs builds the container's file system tree inside init: the root as a mount of its own, the mounts of
// config.json, masked and read-only paths, and the change of root.
//
// It owns every mount of a container. It may not make device nodes (package devices), choose what is mounted or in which
// order (package plan), or look at cgroups beyond showing them. Init links it, so it imports neither os nor fmt.
//
// R1. A mount is built detached, with its attributes, and then moved onto a descriptor of its target: fsopen(2) or
// open_tree(2), mount_setattr(2), move_mount(2) (Linux 5.12). mount(2), which takes paths, is never called.
//
// R2. Targets are opened by package safepath: whatever the image holds, they lie inside the root. Host paths (the rootfs,
// the source of a bind) come from whoever wrote config.json and are opened as they are.
//
// R3. What protects (masks, read-only paths, proc, the console) is looked up again after it has been mounted: the path
// must lead to the new mount, not to a directory that was exchanged meanwhile.
//
// R4. Only the mount namespace of init changes, because its tree is slave or private before the first mount; the one on
// which the root is mounted is made so whatever the rest is.
//
// R5. A security feature that cannot be applied is an error. Only a masked or read-only path that does not exist is none.
package rootfs
