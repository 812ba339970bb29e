package helper

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper/protocol"
)

// timeout is how long one compilation may take. Tens of milliseconds are usual, seconds have been seen with large seccomp
// profiles for many architectures on slow machines.
const timeout = 30 * time.Second

// Helper is an executable that compiles, and what it says of itself (package protocol). The zero value compiles nothing.
type Helper struct {
	Executable  []byte
	Description string
}

// Embedded is the helper of this build; the zero value where there is none.
func Embedded() Helper { return Helper{executable, description} }

// Job is one thing to compile.
type Job struct {
	// Kind says which of the helper's compilers is meant.
	Kind string
	// Key holds everything of the input that determines the answer, in a form that no other input has. The kind and the
	// helper are added here.
	Key []byte
	// Request makes the input as the compiler reads it. It is called only if the cache has no answer.
	Request func() ([]byte, error)
	// Valid says whether an answer has the right form. Others are neither returned nor kept.
	Valid func(answer []byte) bool
}

// Result is the answer to a job.
type Result struct {
	Answer []byte
	// NotCached says why the answer could not be kept for the next container, which will have to wait for the helper again.
	// The answer itself is good. Nil when it was kept, or came from the cache.
	NotCached error
}

// Can says whether the helper has a compiler of this kind.
func (h Helper) Can(kind string) bool {
	return len(h.Executable) > 0 && slices.Contains(h.Facts(protocol.FactCompiles), kind)
}

// Facts returns what the helper says of itself under a word.
func (h Helper) Facts(word string) []string { return protocol.Facts(h.Description, word) }

// Compile answers a job, from the cache in cacheDir if the answer is there, else with the helper. The directory is made with
// mode 0700 where missing; its parent must exist.
func (h Helper) Compile(job *Job, cacheDir string) (*Result, error) {
	if !h.Can(job.Kind) {
		return nil, &fault.Error{Op: "compile " + job.Kind, Err: fault.ErrNotSupported}
	}
	e := newEntry(job.Kind, h.id(), job.Key)
	if answer, ok := e.load(cacheDir); ok && job.Valid(answer) {
		return &Result{Answer: answer}, nil
	}
	answer, err := h.compile(job, cacheDir)
	if err != nil {
		return nil, err
	}
	return &Result{Answer: answer, NotCached: e.store(cacheDir, answer)}, nil
}

func (h Helper) compile(job *Job, cacheDir string) ([]byte, error) {
	request, err := job.Request()
	if err != nil {
		return nil, &fault.Error{Op: "encode request for", Path: protocol.Name, Err: err}
	}
	if len(request) > protocol.MaxRequest {
		return nil, &fault.Error{Err: unix.E2BIG, Hint: "at most 1 MiB can be compiled"}
	}
	output, err := h.run(job.Kind, request, cacheDir, timeout)
	if err != nil {
		return nil, err
	}
	answer, err := protocol.ParseResponse(output)
	if err == nil && !job.Valid(answer) {
		err = &fault.Error{Op: "read answer of", Path: protocol.Name, Err: fault.Text("not a program")}
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// id names the helper's build; it is part of every key.
func (h Helper) id() string {
	if ids := h.Facts(protocol.FactID); len(ids) == 1 {
		return ids[0]
	}
	return ""
}
