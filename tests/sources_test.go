package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// eachGoFile calls f for every Go file of the tree, generated directories and other modules left out.
func eachGoFile(t *testing.T, f func(path string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "build" || name == "testdata" || strings.HasPrefix(name, ".") && path != root) {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err == nil {
			f(strings.TrimPrefix(path, root+"/"), content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func parse(t *testing.T, path string, content []byte, mode parser.Mode) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, content, mode)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUnsafeHasItsPlaces(t *testing.T) {
	eachGoFile(t, func(path string, content []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		allowed := strings.HasSuffix(path, "_unsafe.go") && (within(path, "internal/sys") || within(path, "libcontainer/launch"))
		for _, spec := range parse(t, path, content, parser.ImportsOnly).Imports {
			if spec.Path.Value == `"unsafe"` && !allowed {
				t.Errorf("%s imports unsafe; only internal/sys/*_unsafe.go and launch/*_unsafe.go may", path)
			}
			if spec.Path.Value == `"C"` {
				t.Errorf("%s contains C", path)
			}
		}
	})
}

func TestFilesAreShort(t *testing.T) {
	const limit = 500
	eachGoFile(t, func(path string, content []byte) {
		if lines := strings.Count(string(content), "\n"); lines > limit {
			t.Errorf("%s has %d lines, more than %d; split it by the things in it", path, lines, limit)
		}
	})
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		doc := p.Doc
		if len(p.GoFiles)+len(p.CgoFiles) == 0 { // tests only: the go command shows no documentation
			for _, name := range p.TestGoFiles {
				path := filepath.Join(p.Dir, name)
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				doc += parse(t, path, content, parser.PackageClauseOnly|parser.ParseComments).Doc.Text()
			}
		}
		if !strings.HasPrefix(doc, "Package ") && !strings.HasPrefix(doc, "Command ") {
			t.Errorf("%s has no package comment that begins with Package or Command", p.rel())
		}
	}
}

// Work at package level is paid for by every start of every verb, needed or not.
func TestNoWorkAtPackageLevel(t *testing.T) {
	lean := map[string]bool{}
	for _, p := range initClosure(t) {
		if rel, ok := strings.CutPrefix(p.ImportPath, module+"/"); ok {
			lean[rel] = true
		}
	}
	eachGoFile(t, func(path string, content []byte) {
		if strings.HasSuffix(path, "_test.go") || within(path, "tests") {
			return
		}
		for _, value := range packageLevelValues(parse(t, path, content, 0)) {
			switch v := value.(type) {
			case *ast.CallExpr:
				name := callName(v)
				if strings.HasSuffix(name, ".MustCompile") {
					t.Errorf("%s compiles a regular expression at package level", path)
				} else if lean[filepath.Dir(path)] && name != "" && name != "errors.New" && name != "fault.Text" {
					t.Errorf("%s calls %s at package level; init links this package", path, name)
				}
			case *ast.CompositeLit:
				if _, isMap := v.Type.(*ast.MapType); isMap && lean[filepath.Dir(path)] {
					t.Errorf("%s fills a map at package level; init links this package", path)
				}
			}
		}
	})
}

func packageLevelValues(file *ast.File) (values []ast.Expr) {
	for _, decl := range file.Decls {
		if vars, ok := decl.(*ast.GenDecl); ok && vars.Tok == token.VAR {
			for _, spec := range vars.Specs {
				values = append(values, spec.(*ast.ValueSpec).Values...)
			}
		}
	}
	return values
}

// callName is "pkg.Func" or "Func"; conversions such as []byte("…") have no name.
func callName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// Links of the documents to files of this repository lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(root + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/docs/*.md", "/tests/*/*.md"} {
		more, _ := filepath.Glob(root + pattern)
		pages = append(pages, more...)
	}
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "://") || strings.HasPrefix(match[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), match[1])); err != nil {
				t.Errorf("%s: %v", strings.TrimPrefix(page, root+"/"), err)
			}
		}
	}
}
