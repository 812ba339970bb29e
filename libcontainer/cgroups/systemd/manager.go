package systemd

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// Timeout bounds an operation, several calls and the wait for a job included (J39). systemd answers in milliseconds; on a
// large machine a daemon-reload keeps it busy for seconds.
const Timeout = 20 * time.Second

// Manager is a connection to the systemd of the machine, or to that of a user.
type Manager struct {
	conn     *bus.Conn
	user     bool
	address  string
	deadline time.Time
	timeout  time.Duration
}

const (
	serviceName      = "org.freedesktop.systemd1"
	managerPath      = "/org/freedesktop/systemd1"
	managerInterface = "org.freedesktop.systemd1.Manager"
	jobRemoved       = "JobRemoved" // the signal that ends a job
)

// bootedMark exists where systemd is the init (sd_booted(3)).
const bootedMark = "/run/systemd/system"

// Booted returns nil where systemd is the init, or the environment says where one is to be found.
func Booted(user bool) error {
	_, err := os.Stat(bootedMark)
	if err == nil || os.Getenv(addressVariable(user)) != "" {
		return nil
	}
	return &fault.Error{Op: "cgroup manager", Path: "systemd", Err: fault.Text("systemd is not the init of this machine: there is no " + bootedMark),
		Hint: "leave out --systemd-cgroup"}
}

// IsUser says whether this process has to go to the systemd of its user: it is not root, or root of a user namespace only.
func IsUser() bool {
	if os.Geteuid() != 0 {
		return true
	}
	data, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(data)), " ") != "0 0 4294967295"
}

// Connect finds a systemd that answers. known is an address that worked before, or "".
func Connect(user bool, known string, timeout time.Duration) (*Manager, error) {
	m := &Manager{user: user, address: known}
	m.within(timeout)
	if err := m.connect(); err != nil {
		return nil, err
	}
	return m, nil
}

// within starts the time of an operation.
func (m *Manager) within(timeout time.Duration) {
	m.timeout, m.deadline = timeout, time.Now().Add(timeout)
	if m.conn != nil {
		m.conn.Deadline = m.deadline
	}
}

// Close ends the connection.
func (m *Manager) Close() {
	if m.conn != nil {
		m.conn.Close()
		m.conn = nil
	}
}

// Address is where the manager was found.
func (m *Manager) Address() string { return m.address }

func (m *Manager) connect() error {
	m.Close()
	if err := Booted(m.user); err != nil {
		return err
	}
	addresses, err := m.addresses()
	if err != nil {
		return err
	}
	var tried []string
	for _, address := range addresses {
		conn, dialErr := bus.Dial(address, !isPrivate(address), m.deadline)
		if dialErr == nil {
			if dialErr = m.listen(conn, address); dialErr == nil {
				m.conn, m.address = conn, address
				return nil
			}
			conn.Close()
		}
		tried = append(tried, strings.TrimPrefix(address, "unix:path="))
		if err == nil || !errors.Is(dialErr, unix.ENOENT) {
			err = dialErr // the socket that is there says more than one that is missing
		}
	}
	e := &fault.Error{Op: "connect to " + m.who() + " at", Path: strings.Join(tried, " and "), Err: err, Hint: errnoHint(err)}
	switch {
	case errors.Is(err, fault.ErrTimeout):
		e.Hint = "it did not answer within " + m.timeout.Round(time.Millisecond).String()
	case m.user:
		e.Hint = m.noSession()
	}
	return e
}

func (m *Manager) who() string {
	if m.user {
		return "the user's systemd"
	}
	return "systemd"
}

// listen asks a bus for the signals that end jobs; systemd itself sends them unasked.
func (m *Manager) listen(conn *bus.Conn, address string) error {
	conn.Wanted = jobRemoved
	if isPrivate(address) {
		return nil
	}
	_, err := conn.Call(&bus.Call{
		Destination: "org.freedesktop.DBus", Path: "/org/freedesktop/DBus", Interface: "org.freedesktop.DBus", Method: "AddMatch",
		Signature: "s", Args: []any{"type='signal',sender='" + serviceName + "',interface='" + managerInterface + "',member='" + jobRemoved + "'"},
	})
	return err
}

// privateSocket ends the path of the socket that systemd itself listens on. It needs no bus in between, and exists where
// there is none; systemctl uses it.
const privateSocket = "/systemd/private"

func isPrivate(address string) bool { return strings.HasSuffix(address, privateSocket) }

func addressVariable(user bool) string {
	if user {
		return "DBUS_SESSION_BUS_ADDRESS"
	}
	return "DBUS_SYSTEM_BUS_ADDRESS"
}

// addresses are where the manager may be, the best first. What the environment says holds alone, but for the user's, whose
// variable every session has.
func (m *Manager) addresses() ([]string, error) {
	named := os.Getenv(addressVariable(m.user))
	var list []string
	add := func(address string) {
		if address != "" && !slices.Contains(list, address) {
			list = append(list, address)
		}
	}
	if !m.user {
		if named != "" {
			return []string{named}, nil
		}
		add(m.address)
		add(bus.PathAddress("/run" + privateSocket))
		add(bus.PathAddress("/run/dbus/system_bus_socket"))
		return list, nil
	}
	add(m.address)
	dir := runtimeDir()
	if dir != "" {
		add(bus.PathAddress(dir + privateSocket))
	}
	add(named)
	if dir != "" {
		add(bus.PathAddress(dir + "/bus"))
	}
	if len(list) == 0 {
		return nil, &fault.Error{Op: "find", Path: "the user's systemd", Err: fault.Text("neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS is set, and there is no /run/user/" + strconv.Itoa(os.Geteuid())),
			Hint: m.noSession()}
	}
	return list, nil
}

// runtimeDir is where the sockets of a user's session are.
func runtimeDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); strings.HasPrefix(dir, "/") {
		return strings.TrimSuffix(dir, "/")
	}
	dir := "/run/user/" + strconv.Itoa(os.Geteuid())
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// noSession says how a user gets a systemd.
func (m *Manager) noSession() string {
	return "log in as that user, or let its systemd run without a session: loginctl enable-linger; or use --cgroup-manager=cgroupfs"
}

// ControlGroup is the cgroup below which the manager makes its own: "" for that of the machine, as a rule.
func (m *Manager) ControlGroup() (string, error) {
	var reply []any
	err := m.persist(func() (err error) {
		reply, err = m.conn.Call(&bus.Call{
			Destination: serviceName, Path: managerPath, Interface: "org.freedesktop.DBus.Properties", Method: "Get",
			Signature: "ss", Args: []any{managerInterface, "ControlGroup"},
		})
		return err
	})
	if err != nil {
		return "", m.explain("ask for the cgroup of", m.who(), nil, err)
	}
	v, _ := at[bus.Value](reply, 0)
	path, ok := v.V.(string)
	if !ok || path != "" && path[0] != '/' {
		return "", m.explain("ask for the cgroup of", m.who(), nil, errAnswer)
	}
	return strings.TrimSuffix(path, "/"), nil
}

// call calls a method of the manager.
func (m *Manager) call(method, signature string, args ...any) ([]any, error) {
	if m.conn == nil {
		return nil, bus.ErrClosed
	}
	return m.conn.Call(&bus.Call{
		Destination: serviceName, Path: managerPath, Interface: managerInterface, Method: method, Signature: signature, Args: args,
	})
}
