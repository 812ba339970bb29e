// Command tare is an OCI container runtime: a drop-in for runc below containerd, CRI-O, Podman and Docker, and a tool of
// its own.
//
// Package main owns flags, output formats, log lines and exit statuses. It has one file for each verb, and each verb is:
// flags, one call on libcontainer.Runtime, print. It decides nothing about containers, makes no system calls of its own
// and never looks into a config.json. It is the only importer of urfave/cli.
//
// Every engine starts this program several times for each container, so there is no package-level work here, and nothing
// is read from disk before the verb is known: --version, --help and features work without a runtime root and without /proc.
//
// The Go runtime would keep two files of the caller's cgroup open for life, to follow its CPU limit, as the descriptors 3
// and 4 that --preserve-fds is about. This program lives too short to care about the limit.
//
//go:debug containermaxprocs=0
package main

import (
	"io"
	"os"
	"path/filepath"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/syslog"
	"github.com/tare-run/tare/libcontainer"
	"github.com/tare-run/tare/libcontainer/initproc"
	"github.com/urfave/cli/v2"
)

func main() {
	if os.Args[0] == initName {
		initproc.Main()
	}
	os.Exit(newProgram(os.Args[0], os.Stdout, os.Stderr).run(os.Args))
}

// containers is what the verbs need of libcontainer.Runtime. The tests put a recorder in its place.
type containers interface {
	Create(libcontainer.CreateOptions) error
	Run(libcontainer.RunOptions) (status int, err error)
	Exec(libcontainer.ExecOptions) (status int, err error)
	Check(libcontainer.CreateOptions) ([]libcontainer.Problem, error)
	Plan(libcontainer.CreateOptions) ([]libcontainer.PlannedStep, error)
	Start(id string) error
	State(id string) (*libcontainer.State, error)
	Kill(id string, o libcontainer.KillOptions) error
	KillMatching(pattern string, o libcontainer.KillOptions) error
	Delete(id string, force bool) error
	DeleteMatching(pattern string, force bool) error
	Pause(id string) error
	Resume(id string) error
	Update(id string, o *libcontainer.UpdateOptions) (*specs.LinuxResources, error)
	AddMounts(id, file string) error
	RemoveMounts(id, file string) error
	List() ([]libcontainer.State, error)
	Statistics(id string) (*libcontainer.Statistics, error)
	Events(id string, interval time.Duration, emit func(*libcontainer.Event) error) error
	Processes(id string) ([]int, error)
	ProcessTable(id string) ([]libcontainer.ProcessRow, error)
	HostPs(id string, options []string) (string, error)
}

// program is one invocation: its streams, the global flags and the log that they choose.
type program struct {
	name    string // what the program calls itself in help and --version
	stdout  io.Writer
	stderr  io.Writer
	global  globals
	log     logger
	status  int // exit status of a verb that went well; run, exec and check have others than 0
	failure int // exit status of an error of our own
	open    func(*libcontainer.Runtime) containers
}

func newProgram(argv0 string, stdout, stderr io.Writer) *program {
	p := &program{
		name:    programName(argv0),
		stdout:  stdout,
		stderr:  stderr,
		failure: exitFailure,
		log:     logger{fd: -1, stderr: stderr, now: time.Now},
		open:    func(r *libcontainer.Runtime) containers { return r },
	}
	p.log.sockets.journal, p.log.sockets.syslog = syslog.JournalSocket, syslog.Socket
	return p
}

// programName is "runc" for a program installed under that name, because go-runc wants --version to start with it.
func programName(argv0 string) string {
	if filepath.Base(argv0) == "runc" {
		return "runc"
	}
	return "tare"
}

// app builds the command line of all verbs, whichever was asked for; nothing may be read or formatted here.
func (p *program) app() *cli.App {
	cli.VersionPrinter = p.printVersion
	commands := []*cli.Command{
		p.createCommand(),
		p.startCommand(),
		p.stateCommand(),
		p.killCommand(),
		p.deleteCommand(),
		p.pauseCommand(),
		p.resumeCommand(),
		p.updateCommand(),
		p.mountsCommand(),
		p.runCommand(),
		p.execCommand(),
		p.listCommand(),
		p.psCommand(),
		p.eventsCommand(),
		p.checkCommand(),
		p.planCommand(),
		p.specCommand(),
		p.featuresCommand(),
		p.initCommand(),
		p.refusedCommand("checkpoint"),
		p.refusedCommand("restore"),
	}
	for _, c := range commands {
		// Without this, a container called "help" or "h" would be taken for a subcommand of the verb.
		c.HideHelpCommand = true
		c.OnUsageError = p.usageError
		c.Flags = withPlainNames(c.Flags)
	}
	return &cli.App{
		Name:           p.name,
		Usage:          "OCI container runtime",
		UsageText:      p.name + " [global options] COMMAND [options] [ID]",
		Description:    appDescription,
		Version:        version,
		Compiled:       time.Unix(0, 0), // else urfave/cli calls stat(2) on the binary
		Writer:         p.stdout,
		ErrWriter:      p.stderr,
		Flags:          withPlainNames(p.globalFlags()),
		Commands:       commands,
		Before:         p.before,
		Action:         p.noCommand,
		OnUsageError:   p.usageError,
		ExitErrHandler: func(*cli.Context, error) {}, // run alone reports errors and chooses the status
	}
}

const appDescription = `tare runs containers as the Open Container Initiative specifies them. A container
starts from a bundle: a directory with a config.json and, usually, the root
filesystem. Global options come before the command, the options of a command
after it; those of exec, kill and ps before the container ID.`

// before runs once the global flags are read and a command is known to follow.
func (p *program) before(*cli.Context) error {
	if err := p.setLog(); err != nil {
		return err
	}
	return p.global.validate(&p.log)
}

// noCommand is what happens without a command, or with one that does not exist. Help that was asked for goes to stdout
// with status 0; help that answers a mistake goes to stderr.
func (p *program) noCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowAppHelp(c)
	}
	c.App.Writer = p.stderr
	if err := cli.ShowAppHelp(c); err != nil {
		return err
	}
	return &fault.Error{Op: "unknown command", Path: c.Args().First()}
}

// usageError turns what the flag parser objects to into one line. The parser's words are kept: Podman searches the output
// of `restore` for "flag needs an argument".
func (p *program) usageError(c *cli.Context, err error, isVerb bool) error {
	if isVerb {
		name := c.Command.Name
		return &fault.Verb{Verb: name, Err: &fault.Error{Err: err, Hint: `see "` + p.name + " " + name + ` --help"`}}
	}
	// The flags before the wrong one have been read, and may say where errors go. Should they be wrong as well, the line
	// about the first mistake still goes to stderr, which is where fatal always writes.
	_ = p.setLog()
	return &fault.Error{Err: err, Hint: `see "` + p.name + ` --help"`}
}

// containers is the runtime root that the global flags name.
func (p *program) containers() containers {
	r := &libcontainer.Runtime{Root: p.global.stateRoot(), CgroupManager: p.global.manager(), Rootless: p.global.rootless, NotifySocket: os.Getenv("NOTIFY_SOCKET")}
	if p.log.enabled(levelWarning) {
		r.Warn = p.log.warning
	}
	if p.log.enabled(levelDebug) {
		r.Debug = p.log.debug
	}
	return p.open(r)
}
