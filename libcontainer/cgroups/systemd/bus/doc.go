// Package bus is a D-Bus client for one peer, systemd: it connects, calls methods, and waits for signals.
//
// It owns the wire format (D-Bus specification, "Type System" and "Message Protocol") and the deadline: every operation
// ends by Conn.Deadline, whatever the other side does, and no goroutine or thread is left behind. It knows no units; which
// methods exist, and what their answers mean, is package systemd's part.
//
// It takes what it needs of D-Bus and nothing else: Unix sockets, EXTERNAL authentication, the byte order of the machine,
// and no file descriptors. docs/architecture.md says why it is not a library.
//
// What arrives is data from another process. Lengths are checked against what is there before anything is made of them,
// nesting is bounded, and whatever does not fit is an error.
package bus
