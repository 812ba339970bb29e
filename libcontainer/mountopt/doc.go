// Package mountopt turns the words of a mount's option list into kernel numbers.
//
// It owns the table of the options of config.md, "Linux mount options", and its parser. It is pure: it never mounts, reads
// no file and does not know file systems. Words that are not in the table belong to the file system and are passed on.
//
// The words have the meaning that mount(8) gives them, with these rules where words meet:
//
//   - The last of two contradicting words wins. Words about propagation all apply, in listed order.
//   - A word without "r" in front changes the mount itself, one with it (rro, rnosuid…) everything below as well
//     (mount_setattr(2), AT_RECURSIVE, Linux 5.12). Nothing that is not named is touched, so a bind keeps the flags of its
//     source.
//   - The kernel has three modes of access times, relatime being the default (Linux 2.6.30). noatime, relatime and
//     strictatime choose one; atime and nostrictatime mean the default; norelatime changes nothing, as with mount(2).
//   - ro and rw of a new mount are for the mount and for its superblock, those of a bind for the mount alone. A bind has the
//     superblock of its source, so sync, lazytime and the like are accepted on it and have no effect, as with mount(2).
//   - silent, loud, iversion and noiversion are accepted and have no effect: fsconfig(2) has no words for them. File systems
//     with change counters keep them up to date anyway (ext4 since Linux 6.1), and the kernel's complaints are read from the
//     mount's own log instead of the kernel's.
package mountopt
