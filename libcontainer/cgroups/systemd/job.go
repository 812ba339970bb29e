package systemd

import (
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// await waits for the end of the job that a reply names.
func (m *Manager) await(what string, reply []any) error {
	job, ok := at[string](reply, 0)
	if !ok {
		return errAnswer
	}
	args, err := m.conn.Signal(func(iface string, args []any) bool {
		ended, _ := at[string](args, 1)
		return iface == managerInterface && ended == job
	})
	if err == fault.ErrTimeout {
		return &jobError{what: what, job: job, err: err}
	}
	if err != nil {
		return err
	}
	if result, _ := at[string](args, 3); result != "done" {
		return &jobError{what: what, job: job, err: fault.Text("ended as " + strconv.Quote(result))}
	}
	return nil
}

// jobError is what became of a job.
type jobError struct {
	what, job string
	err       error
}

func (e *jobError) Error() string {
	number := e.job[strings.LastIndexByte(e.job, '/')+1:]
	return "its " + e.what + " job " + number + ": " + e.err.Error()
}

func (e *jobError) Unwrap() error { return e.err }
