package describe

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

func TestStep(t *testing.T) {
	for _, row := range []struct {
		step       step.Step
		text, json string
	}{
		{&step.DevLinks{}, "", `{}`},
		{&step.Hostname{Name: "a"}, "name=a", `{"name":"a"}`},
		{&step.Hostname{Name: "a b\n"}, `name="a b\n"`, `{"name":"a b\n"}`},
		{&step.Propagation{Flag: unix.MS_SLAVE | unix.MS_REC}, "flag=rslave", `{"flag":"rslave"}`},
		{&step.Propagation{Flag: 1}, "flag=0x1", `{"flag":"0x1"}`},
		{&step.Bounding{Mask: 1<<unix.CAP_KILL | 1<<62}, "mask=[CAP_KILL 0x4000000000000000]", `{"mask":["CAP_KILL","0x4000000000000000"]}`},
		{&step.Device{Path: "/dev/x", Type: 'c', Major: 1, Mode: 0o620}, "path=/dev/x type=c major=1 mode=0620", `{"path":"/dev/x","type":"c","major":1,"mode":"0620"}`},
		{&step.Seccomp{Filter: []byte("x"), Flags: 2}, "flags=2", `{"flags":2}`},
		{&step.OOMScoreAdj{Adj: -5}, "adj=-5", `{"adj":-5}`},
		{&step.Rlimits{Limits: []step.Rlimit{{Resource: unix.RLIMIT_NOFILE, Soft: 1, Hard: 1<<64 - 1}}},
			"limits=[{resource=RLIMIT_NOFILE soft=1 hard=18446744073709551615}]", `{"limits":[{"resource":"RLIMIT_NOFILE","soft":1,"hard":18446744073709551615}]}`},
		{&step.Mount{Destination: "/d", Options: step.MountOptions{Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY, Clear: unix.MOUNT_ATTR__ATIME}, Data: []string{"size=1m"}}},
			"destination=/d options={attr={set=[ro] clear=[atime]} data=[size=1m]}", `{"destination":"/d","options":{"attr":{"set":["ro"],"clear":["atime"]},"data":["size=1m"]}}`},
		{&step.Identity{UID: 5, Groups: []uint32{7}, HasUmask: true}, "uid=5 groups=[7] hasUmask=true", `{"uid":5,"groups":[7],"hasUmask":true}`},
	} {
		m := Step(row.step)
		if got := m.String(); got != row.text {
			t.Errorf("%T: %s, want %s", row.step, got, row.text)
		}
		got, err := json.Marshal(m)
		if err != nil || string(got) != row.json {
			t.Errorf("%T: %s, %v, want %s", row.step, got, err, row.json)
		}
	}
}

// Every kind of step can be described when its fields are set.
func TestEveryKind(t *testing.T) {
	for _, kind := range step.Kinds {
		v := reflect.New(reflect.TypeOf(kind).Elem())
		for i := range v.Elem().NumField() {
			fill(v.Elem().Field(i))
		}
		m := Step(v.Interface().(step.Step))
		if _, err := json.Marshal(m); err != nil {
			t.Errorf("%T: %v", kind, err)
		}
		if strings.Contains(m.String(), "= ") || strings.HasSuffix(m.String(), "=") {
			t.Errorf("%T has a member without a value: %s", kind, m)
		}
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("s")
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(1)
		} else if v.CanUint() {
			v.SetUint(1)
		}
	}
}
