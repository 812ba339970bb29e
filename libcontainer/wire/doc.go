// Package wire is the only thing that the runtime side (launch) and the container side (initproc) share besides the
// vocabulary of steps. It owns message encoding and the order of messages. It knows no cgroups, mounts or hooks.
//
// Two sockets, both AF_UNIX SOCK_SEQPACKET. The first is a socketpair between create and init:
//
//	init                          runtime
//	                   ◀──   PlanPart{} …        cgroup joined, limits and device filter in place; with them come the
//	                                             descriptors that steps count from 1, and with the last part the
//	                                             listening start gate, but from run
//	Console{} + fd     ──▶                       terminal's master; only with process.terminal
//	Ready{}            ──▶                       only with prestart or createRuntime hooks: mounts done, before pivot
//	                   ◀──   Run{}               hooks have run
//	Warning{}          ──▶                       any number, any time before Created
//	Listener{}         ──▶                       only with SCMP_ACT_NOTIFY: init is about to load its filter; the runtime takes
//	                                             the listener, hands it to the agent, and lets init go on
//	Created{}          ──▶                       everything but the program; the parent-death signal is off from here on
//	                   ◀──   Release{}           the state on disk says created; without it init exits
//	                   ◀──   Start{}             instead of Release, from run, which needs no gate: as below
//	Failed{}           ──▶                       instead of any of the above; the last message, the sender exits
//
// The second is the start gate: init listens, start connects.
//
//	                   ◀──   Start{}
//	Executing{}        ──▶                       startContainer hooks have run; only identity, filter and execve are left
//	Listener{}         ──▶                       as above, where the filter is loaded after start
//	Failed{}           ──▶                       instead of Executing or after it: no program; init exits
//	(end of file)                                after Executing: the program runs, execve closed the descriptor
//	                                             before it: init died
//
// W1. Every message is one packet of at most MaxMessage bytes; a longer one is an error, never a truncation.
// W2. After Failed or a closed socket neither side sends again. Death of a peer is read as end of file.
// W3. Nothing that init sends can make the runtime do anything but report an error: unknown messages, wrong lengths and
// surplus descriptors are errors, and the descriptors are closed.
// W4. An error crosses whole: operation, pointer, path, errno, text and hint. errors.Is(err, unix.EPERM) holds afterwards.
package wire
