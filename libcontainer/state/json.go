package state

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// state.json is written and read token by token. Reflection would cost a third of a millisecond in every verb, most of it
// to learn the structs that are plain to see here. A test compares the fields with the struct, so none can be forgotten.

// encode writes a record.
func encode(r *Record) ([]byte, error) {
	var b bytes.Buffer
	e := &encoder{jsontext.NewEncoder(&b)}
	e.object(func() {
		e.number("version", uint64(r.Version))
		e.boolean("creating", r.Creating)
		e.text("id", r.ID)
		e.text("ociVersion", r.OCIVersion)
		e.text("bundle", r.Bundle)
		e.text("rootfs", r.Rootfs)
		e.text("created", r.Created.Format(time.RFC3339Nano))
		e.number("owner", uint64(r.Owner))
		if len(r.Annotations) > 0 {
			e.name("annotations")
			e.object(func() {
				for k, v := range r.Annotations {
					e.text(k, v)
				}
			})
		}
		if r.Cgroup != nil {
			e.name("cgroup")
			e.object(func() { e.cgroup(r.Cgroup) })
		}
		if r.Resctrl != nil {
			e.name("resctrl")
			e.object(func() { e.resctrl(r.Resctrl) })
		}
		if r.Overlay != nil {
			e.name("overlay")
			e.object(func() {
				e.text("dir", r.Overlay.Dir)
				e.boolean("makesUpper", r.Overlay.MakesUpper)
			})
		}
		e.name("init")
		e.object(func() {
			e.number("pid", uint64(r.Init.Pid))
			e.number("startTime", r.Init.StartTime)
		})
		e.name("image")
		e.token(jsontext.BeginArray)
		e.token(jsontext.Uint(r.Image[0]))
		e.token(jsontext.Uint(r.Image[1]))
		e.token(jsontext.EndArray)
		e.name("startSeconds")
		e.token(jsontext.Int(int64(r.StartSeconds)))
		e.boolean("noNewKeyring", r.NoNewKeyring)
		e.boolean("noProgram", r.NoProgram)
		e.boolean("sharedPid", r.SharedPid)
		e.boolean("listener", r.Listener)
		e.boolean("poststart", r.Poststart)
		e.boolean("poststop", r.Poststop)
		e.boolean("poststopRan", r.PoststopRan)
	})
	return b.Bytes(), e.err()
}

// encoder writes to memory, so the only errors left are texts that are not UTF-8; the last token reports them.
type encoder struct{ to *jsontext.Encoder }

func (e *encoder) token(t jsontext.Token)       { _ = e.to.WriteToken(t) }
func (e *encoder) name(s string)                { e.token(jsontext.String(s)) }
func (e *encoder) text(name, value string)      { e.name(name); e.name(value) }
func (e *encoder) number(name string, n uint64) { e.name(name); e.token(jsontext.Uint(n)) }
func (e *encoder) boolean(name string, b bool)  { e.name(name); e.token(jsontext.Bool(b)) }
func (e *encoder) object(members func()) {
	e.token(jsontext.BeginObject)
	members()
	e.token(jsontext.EndObject)
}

// err says whether the document is complete, which it is not if any token was refused.
func (e *encoder) err() error {
	if e.to.StackDepth() != 0 {
		return errors.New("a text in it is not valid UTF-8")
	}
	return nil
}

func (e *encoder) cgroup(c *Cgroup) {
	e.text("path", c.Path)
	e.name("hierarchies")
	e.token(jsontext.BeginArray)
	for i := range c.Hierarchies {
		h := &c.Hierarchies[i]
		e.object(func() {
			e.text("mount", h.Mount)
			e.text("controllers", h.Controllers)
			e.number("made", uint64(h.Made))
		})
	}
	e.token(jsontext.EndArray)
	if u := c.Unit; u != nil {
		e.name("unit")
		e.object(func() {
			e.text("name", u.Name)
			e.text("description", u.Description)
			e.boolean("user", u.User)
			e.text("address", u.Address)
			e.number("inode", u.Inode)
		})
	}
}

func (e *encoder) resctrl(r *Resctrl) {
	e.text("root", r.Root)
	e.text("class", r.Class)
	e.boolean("owned", r.Owned)
	e.text("monitor", r.Monitor)
}

// What is wrong with a record, in words for whoever has the disk that it lies on; where, nobody can use.
var (
	errShape = errors.New("not the record of a container")
	errCut   = errors.New("the record of a container is cut off")
)

// decoder reads what encoder wrote; the first problem sticks in err.
type decoder struct {
	from *jsontext.Decoder
	err  error
}

func decode(b []byte) (*Record, error) {
	r := &Record{}
	d := &decoder{from: jsontext.NewDecoder(bytes.NewReader(b))}
	d.object(func(name string) { d.member(r, name) })
	switch {
	case d.err == nil:
		return r, nil
	case errors.Is(d.err, io.EOF), errors.Is(d.err, io.ErrUnexpectedEOF):
		return nil, errCut
	}
	return nil, errShape
}

func (d *decoder) member(r *Record, name string) {
	switch name {
	case "version":
		r.Version = int(d.number())
	case "creating":
		r.Creating = d.boolean()
	case "id":
		r.ID = d.text()
	case "ociVersion":
		r.OCIVersion = d.text()
	case "bundle":
		r.Bundle = d.text()
	case "rootfs":
		r.Rootfs = d.text()
	case "created":
		r.Created = d.time()
	case "owner":
		r.Owner = uint32(d.number())
	case "annotations":
		r.Annotations = map[string]string{}
		d.object(func(name string) { r.Annotations[name] = d.text() })
	case "cgroup":
		r.Cgroup = &Cgroup{}
		d.object(func(name string) { d.cgroup(r.Cgroup, name) })
	case "resctrl":
		r.Resctrl = &Resctrl{}
		d.object(func(name string) { d.resctrl(r.Resctrl, name) })
	case "overlay":
		r.Overlay = &Overlay{}
		d.object(func(name string) {
			if name == "dir" {
				r.Overlay.Dir = d.text()
			} else {
				r.Overlay.MakesUpper = d.boolean()
			}
		})
	case "init":
		d.object(func(name string) {
			if name == "pid" {
				r.Init.Pid = int(d.number())
			} else {
				r.Init.StartTime = d.number()
			}
		})
	case "image":
		i := 0
		d.array(func() {
			r.Image[i&1] = d.number()
			i++
		})
	default:
		d.flag(r, name)
	}
}

// flag reads the members behind the others. One that is unknown was written by another version.
func (d *decoder) flag(r *Record, name string) {
	switch name {
	case "startSeconds":
		r.StartSeconds = int(d.integer())
	case "noNewKeyring":
		r.NoNewKeyring = d.boolean()
	case "noProgram":
		r.NoProgram = d.boolean()
	case "sharedPid":
		r.SharedPid = d.boolean()
	case "listener":
		r.Listener = d.boolean()
	case "poststart":
		r.Poststart = d.boolean()
	case "poststop":
		r.Poststop = d.boolean()
	case "poststopRan":
		r.PoststopRan = d.boolean()
	default:
		d.fail(d.from.SkipValue())
	}
}

func (d *decoder) cgroup(c *Cgroup, name string) {
	switch name {
	case "path":
		c.Path = d.text()
		return
	case "unit":
		c.Unit = &CgroupUnit{}
		d.object(func(name string) { d.unit(c.Unit, name) })
		return
	}
	d.array(func() {
		h := CgroupHierarchy{}
		d.object(func(name string) {
			switch name {
			case "mount":
				h.Mount = d.text()
			case "controllers":
				h.Controllers = d.text()
			default:
				h.Made = int(d.number())
			}
		})
		c.Hierarchies = append(c.Hierarchies, h)
	})
}

func (d *decoder) unit(u *CgroupUnit, name string) {
	switch name {
	case "name":
		u.Name = d.text()
	case "description":
		u.Description = d.text()
	case "user":
		u.User = d.boolean()
	case "address":
		u.Address = d.text()
	case "inode":
		u.Inode = d.number()
	default:
		d.fail(d.from.SkipValue())
	}
}

func (d *decoder) resctrl(r *Resctrl, name string) {
	switch name {
	case "root":
		r.Root = d.text()
	case "class":
		r.Class = d.text()
	case "owned":
		r.Owned = d.boolean()
	case "monitor":
		r.Monitor = d.text()
	default:
		d.fail(d.from.SkipValue())
	}
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// token reads the next token, which must be of this kind.
func (d *decoder) token(kind jsontext.Kind) (t jsontext.Token, ok bool) {
	if d.err != nil {
		return t, false
	}
	t, err := d.from.ReadToken()
	if err == nil && t.Kind() != kind {
		err = errShape
	}
	d.fail(err)
	return t, err == nil
}

func (d *decoder) object(member func(name string)) {
	if _, ok := d.token('{'); !ok {
		return
	}
	for d.err == nil && d.from.PeekKind() != '}' {
		if name, ok := d.token('"'); ok {
			member(name.String())
		}
	}
	d.token('}')
}

func (d *decoder) array(element func()) {
	if _, ok := d.token('['); !ok {
		return
	}
	for d.err == nil && d.from.PeekKind() != ']' {
		element()
	}
	d.token(']')
}

func (d *decoder) text() string {
	t, ok := d.token('"')
	if !ok {
		return ""
	}
	return t.String()
}

func (d *decoder) number() uint64 {
	t, ok := d.token('0')
	if !ok {
		return 0
	}
	n, err := t.Uint()
	d.fail(err)
	return n
}

func (d *decoder) integer() int64 {
	t, ok := d.token('0')
	if !ok {
		return 0
	}
	n, err := t.Int()
	d.fail(err)
	return n
}

func (d *decoder) boolean() bool {
	if d.err == nil && d.from.PeekKind() == 't' {
		d.token('t')
		return true
	}
	d.token('f')
	return false
}

func (d *decoder) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, d.text())
	if d.err == nil {
		d.fail(err)
	}
	return t
}
