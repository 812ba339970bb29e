package overlay

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, row := range []struct {
		name, flag string
		with       map[string]string
		want       *Config
		problem    string
	}{
		{name: "nothing", with: map[string]string{"other": "x"}},
		{name: "S1 tmpfs", flag: "tmpfs", want: &Config{}},
		{name: "size", flag: "tmpfs:size=64m,nr_inodes=1k", want: &Config{Tmpfs: []string{"size=64m", "nr_inodes=1k"}}},
		{name: "directory", flag: "/srv//x/", want: &Config{Dir: "/srv/x"}},
		{name: "annotation", with: map[string]string{Annotation: "/a"}, want: &Config{Dir: "/a"}},
		{name: "flag wins", flag: "tmpfs", with: map[string]string{Annotation: "/a"}, want: &Config{}},
		{name: "layers", flag: "tmpfs", with: map[string]string{AnnotationLower: "/b:/a/"}, want: &Config{Lower: []string{"/b", "/a"}}},
		{name: "S4 options", flag: "tmpfs", with: map[string]string{AnnotationOptions: "volatile,metacopy=on,xino=auto"},
			want: &Config{Options: []string{"volatile", "metacopy=on", "xino=auto"}}},
		{name: "S5 mapped", flag: "tmpfs", with: map[string]string{AnnotationIDMap: "container"}, want: &Config{Mapped: true}},
		{name: "other mapping", flag: "tmpfs", with: map[string]string{AnnotationIDMap: "yes"}, problem: `"yes": is not the word container`},
		{name: "mapping alone", with: map[string]string{AnnotationIDMap: "container"}, problem: "means nothing without an overlay"},
		{name: "relative", flag: "x", problem: `--overlay "x": is neither tmpfs nor an absolute path`},
		{name: "relative in the annotation", with: map[string]string{Annotation: "x"}, problem: `config.json /annotations/run.tare.overlay: "x": is neither`},
		{name: "host root", flag: "/", problem: "is the root of the host"},
		{name: "host root by dots", flag: "/..", problem: "is the root of the host"},
		{name: "other option", flag: "tmpfs:mode=777", problem: "is no option of the tmpfs"},
		{name: "empty option", flag: "tmpfs:", problem: "has an empty option"},
		{name: "relative layer", flag: "tmpfs", with: map[string]string{AnnotationLower: "/a:b"}, problem: `"b": is not an absolute path`},
		{name: "directory by option", flag: "tmpfs", with: map[string]string{AnnotationOptions: "upperdir=/x"}, problem: "is not an option"},
		{name: "word with a value", flag: "tmpfs", with: map[string]string{AnnotationOptions: "volatile=on"}, problem: "is a word or name=value"},
		{name: "value missing", flag: "tmpfs", with: map[string]string{AnnotationOptions: "index"}, problem: "is a word or name=value"},
		{name: "layers alone", with: map[string]string{AnnotationLower: "/a"}, problem: "means nothing without an overlay"},
		{name: "options alone", with: map[string]string{AnnotationOptions: "volatile"}, problem: "means nothing without an overlay"},
	} {
		got, err := Parse(row.flag, row.with)
		switch {
		case row.problem != "":
			if err == nil || !strings.Contains(err.Error(), row.problem) {
				t.Errorf("%s: %v, want %q", row.name, err, row.problem)
			}
		case err != nil || !reflect.DeepEqual(got, row.want):
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
}

// Whatever is accepted holds absolute, clean paths and no option that names one.
func FuzzParse(f *testing.F) {
	f.Add("tmpfs:size=1", "/a:/b", "volatile,index=off")
	f.Add("/x/../y", "", "")
	f.Fuzz(func(t *testing.T, flag, lower, options string) {
		c, err := Parse(flag, map[string]string{AnnotationLower: lower, AnnotationOptions: options})
		if err != nil || c == nil {
			return
		}
		for _, p := range append(c.Lower, c.Dir) {
			if p != "" && (p[0] != '/' || strings.Contains(p, "//") || strings.HasSuffix(p, "/..")) {
				t.Fatalf("path %q", p)
			}
		}
		for _, o := range c.Options {
			if strings.Contains(o, "dir=/") {
				t.Fatalf("option %q", o)
			}
		}
	})
}
