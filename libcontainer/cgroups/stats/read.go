package stats

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Files reads the control file with this name of one cgroup.
type Files func(name string) (string, error)

// Sources says which controllers are where. A nil one does not exist.
type Sources struct {
	// Unified is the cgroup in the unified hierarchy, which counts CPU time and pressure whatever controllers it has.
	Unified Files
	// V2 has the controllers of the unified hierarchy, V1 those of cgroup v1, by their names.
	V2, V1 map[string]Files
	// PageSizes are the sizes of huge pages as the names of control files spell them.
	PageSizes []string
}

// Read returns the statistics. An error names the file that is not as the kernel prints it.
func Read(s Sources) (*Stats, error) {
	st := &Stats{Hugetlb: map[string]Hugetlb{}}
	var r reader
	if s.Unified != nil {
		r.use(s.Unified)
		r.cpuV2(&st.CPU)
		r.pressure(st)
	}
	for controller, files := range s.V1 {
		r.use(files)
		r.controllerV1(controller, st, s.PageSizes)
	}
	for controller, files := range s.V2 {
		r.use(files)
		r.controllerV2(controller, st, s.PageSizes)
	}
	return st, r.err
}

// reader reads files of one cgroup; the first problem sticks.
type reader struct {
	files Files
	err   error
}

func (r *reader) use(files Files) { r.files = files }

// text returns what a file holds; ok is false where the kernel has no such file, or no answer.
func (r *reader) text(name string) (text string, ok bool) {
	if r.err != nil {
		return "", false
	}
	text, err := r.files(name)
	switch {
	case err == nil:
		return text, true
	case errors.Is(err, unix.ENOENT):
	case errors.Is(err, unix.EOPNOTSUPP): // pressure with psi=0; the kernel memory of cgroup v1 since Linux 5.11
	default:
		r.err = err
	}
	return "", false
}

// bad is the error of a file that has another form than the kernel's.
func (r *reader) bad(name, what string) {
	if r.err == nil {
		r.err = &fault.Error{Op: "read", Path: name, Err: fault.Text("not understood: " + what)}
	}
}

// number reads a file that holds one number, or "max".
func (r *reader) number(name string) (n uint64, ok bool) {
	text, ok := r.text(name)
	if !ok {
		return 0, false
	}
	n, ok = parseNumber(text)
	if !ok {
		r.bad(name, quote(text))
	}
	return n, ok
}

// value is number, with zero where there is no file.
func (r *reader) value(name string) uint64 {
	n, _ := r.number(name)
	return n
}

// pairs reads a file of lines "key number".
func (r *reader) pairs(name string) map[string]uint64 {
	text, ok := r.text(name)
	if !ok {
		return nil
	}
	pairs, bad := parsePairs(text)
	if bad != "" {
		r.bad(name, quote(bad))
	}
	return pairs
}
