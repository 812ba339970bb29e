package engines

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// registry answers engines that pull images, as the registries of the internet do (OCI distribution specification). Every
// image is busybox, with another command or user where pulledImages says so.
type registry struct {
	address string
	layers  [][]byte

	mutex sync.Mutex
	blobs map[string][]byte // by digest
}

// pulled is how an image differs from busybox.
type pulled struct {
	user    string
	command []string
}

// pulledImages are those that critest asks for, by the ends of their names.
var pulledImages = map[string]pulled{
	"nginx":                           {command: []string{"nginx"}},
	"httpd":                           {command: []string{"nginx"}},
	"hostnet-nginx-" + runtime.GOARCH: {command: []string{"nginx", "12003"}},
	"nonewprivs":                      {command: []string{"nnp"}},
	"test-image-predefined-group":     {user: "1000"},
	"test-image-user-uid":             {user: "1002"},
	"test-image-user-username":        {user: "www-data"},
	"test-image-user-uid-group":       {user: "1003:users"},
	"test-image-user-username-group":  {user: "www-data:100"},
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

func startRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{blobs: map[string][]byte{}, layers: layersToPull(t)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: r}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	r.address = listener.Addr().String()
	return r
}

// layersToPull are the layer of the other tests, and one more.
func layersToPull(t *testing.T) [][]byte {
	t.Helper()
	busybox, err := busyboxProgram()
	must(t, err)
	base, err := makeLayer(busybox)
	must(t, err)
	return [][]byte{base, pulledLayer(t, busybox)}
}

// pulledLayer has all of busybox, each applet a file that can be masked without the others, users, and the program of
// pulledImages.
func pulledLayer(t *testing.T, busybox []byte) []byte {
	t.Helper()
	applet, err := os.ReadFile("../../build/bin/applet")
	skipUnless(t, err == nil, "the program of the images is missing; make build/bin/applet")
	list, err := exec.Command("busybox", "--list").Output()
	must(t, err)
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	link := func(name, to string) {
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: "bin/" + name, Linkname: "bin/" + to, Mode: 0o755}))
	}
	must(t, addFile(w, "bin/busybox", 0o755, busybox))
	for name := range strings.FieldsSeq(string(list)) {
		if name != "busybox" {
			link(name, "busybox")
		}
	}
	must(t, addFile(w, "bin/nginx", 0o755, applet))
	link("ipcs", "nginx")
	link("pgrep", "nginx")
	must(t, addFile(w, "bin/nnp", 0o4755, applet))
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "var/run/", Mode: 0o755}))
	const users = "root:x:0:0:root:/root:/bin/sh\ndefault-user:x:1000:1000::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
	const groups = "root:x:0:\ndefault-user:x:1000:\nwww-data:x:33:\nusers:x:100:\nnobody:x:65534:\ngroup-defined-in-image:x:50000:default-user\n"
	must(t, addFile(w, "etc/passwd", 0o644, []byte(users)))
	must(t, addFile(w, "etc/group", 0o644, []byte(groups)))
	must(t, w.Close())
	return layer.Bytes()
}

func (r *registry) add(blob []byte) (digest string) {
	sum := sha256.Sum256(blob)
	digest = "sha256:" + hex.EncodeToString(sum[:])
	r.blobs[digest] = blob
	return digest
}

// manifest makes that of an image, and its configuration. Tags of one repository are images of their own, but for the tags that
// critest wants to be one.
func (r *registry) manifest(name, tag string) []byte {
	p := pulledImages[filepath.Base(name)]
	if p.command == nil {
		p.command = []string{"sh"}
	}
	if strings.HasSuffix(name, "-tags") {
		tag = ""
	}
	var layers []map[string]any
	var digests []string
	for _, layer := range r.layers {
		digest := r.add(layer)
		digests = append(digests, digest)
		layers = append(layers, map[string]any{"mediaType": layerType, "digest": digest, "size": len(layer)})
	}
	config, _ := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Cmd": p.command, "User": p.user, "Env": []string{"PATH=/bin"}, "Labels": map[string]string{"name": name + ":" + tag}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": digests},
	})
	manifest, _ := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": map[string]any{"mediaType": configType, "digest": r.add(config), "size": len(config)},
		"layers": layers,
	})
	r.add(manifest)
	return manifest
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	name, reference, isManifest := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v2/"), "/manifests/")
	if !isManifest {
		_, reference, _ = strings.Cut(name, "/blobs/")
	}
	blob, known := r.blobs[reference]
	kind := "application/octet-stream"
	switch {
	case request.URL.Path == "/v2/":
	case isManifest && !known && !strings.HasPrefix(reference, "sha256:"):
		blob = r.manifest(name, reference)
		fallthrough
	case isManifest && known:
		kind = manifestType
	case !known:
		http.NotFound(w, request)
		return
	}
	sum := sha256.Sum256(blob)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(blob)))
	w.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
	if request.Method == http.MethodGet {
		io.Copy(w, bytes.NewReader(blob))
	}
}
