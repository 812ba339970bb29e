package engines

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hostPort leads to a pod; the next one is forwarded to another.
const hostPort = 12080

// A10: pods with a network of their own.
func TestCRINetwork(t *testing.T) {
	skipUnless(t, answered("iptables", "--table=nat", "--list") == nil, "iptables, for ports of the host, does not work here")
	perform(t, startCRI(t, nil), networkOperations)
}

// networkPod has a network of its own.
func (e *engine) networkPod(name string, change func(pod map[string]any)) (id, file string) {
	return e.pod(func(pod map[string]any) {
		pod["metadata"].(map[string]any)["name"] = name
		pod["linux"].(map[string]any)["security_context"] = map[string]any{}
		if change != nil {
			change(pod)
		}
	})
}

// address is a pod's, as the CRI tells it.
func (e *engine) address(pod string) string {
	address := e.does("inspectp", "--output=go-template", "--template", "{{.status.network.ip}}", pod)
	if !strings.HasPrefix(address, "10.88.") {
		e.fail("address %q", address)
	}
	return address
}

// server serves "content" at port 80.
func (e *engine) server(pod, file string) (id string) {
	return e.container(pod, file, nil, "sh", "-c", "mkdir /tmp/www; echo content >/tmp/www/index.html; exec busybox httpd -f -p 80 -h /tmp/www")
}

var networkOperations = []operation{
	{"pods reach each other", func(e *engine) {
		server, file := e.networkPod("server", nil)
		e.server(server, file)
		client, file := e.networkPod("client", nil)
		id := e.container(client, file, nil, "sleep", "600")
		e.eventually("content", "exec", "--sync", id, "busybox", "wget", "-q", "-O-", "http://"+e.address(server))
		e.has([]string{e.address(client)}, "exec", "--sync", id, "busybox", "ip", "address", "show", "eth0")
		e.has([]string{"default via 10.88.0.1"}, "exec", "--sync", id, "busybox", "ip", "route")
	}},
	{"containers of a pod share its network", func(e *engine) {
		pod, file := e.networkPod("pod", nil)
		e.server(pod, file)
		id := e.container(pod, file, func(c map[string]any) {
			c["metadata"] = map[string]any{"name": "other"}
		}, "sleep", "600")
		e.eventually("content", "exec", "--sync", id, "busybox", "wget", "-q", "-O-", "http://127.0.0.1")
	}},
	{"port of the host", func(e *engine) {
		pod, file := e.networkPod("pod", func(pod map[string]any) {
			pod["port_mappings"] = []map[string]any{{"container_port": 80, "host_port": hostPort}}
		})
		e.server(pod, file)
		host, file := e.pod(nil)
		id := e.container(host, file, nil, "sleep", "600")
		for _, address := range []string{"127.0.0.1", "10.88.0.1"} {
			e.eventually("content", "exec", "--sync", id, "busybox", "wget", "-q", "-O-", "http://"+address+":12080")
		}
	}},
	{"port forwarding", func(e *engine) {
		pod, file := e.networkPod("pod", nil)
		e.server(pod, file)
		if got := e.forwarded(pod, 80); !strings.Contains(got, "content") {
			e.fail("%q", got)
		}
	}},
	{"host name and hosts", func(e *engine) {
		pod, file := e.networkPod("pod", func(pod map[string]any) { pod["hostname"] = "box" })
		id := e.container(pod, file, nil, "sh", "-c", "hostname; cat /etc/hostname; echo $HOSTNAME; grep -c localhost /etc/hosts")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"box\nbox\nbox\n"}, "logs", id)
	}},
	{"DNS", func(e *engine) {
		pod, file := e.networkPod("pod", func(pod map[string]any) {
			pod["dns_config"] = map[string]any{"servers": []string{"10.1.2.3"}, "searches": []string{"svc.local"}, "options": []string{"ndots:5"}}
		})
		id := e.container(pod, file, nil, "cat", "/etc/resolv.conf")
		e.state("CONTAINER_EXITED", id)
		e.says("search svc.local\nnameserver 10.1.2.3\noptions ndots:5", "logs", id)
	}},
	{"sysctls of the network", func(e *engine) {
		pod, file := e.networkPod("pod", func(pod map[string]any) {
			pod["linux"].(map[string]any)["sysctls"] = map[string]string{"net.ipv4.ip_local_port_range": "1024\t65000", "net.core.somaxconn": "77"}
		})
		id := e.container(pod, file, nil, "cat", "/proc/sys/net/ipv4/ip_local_port_range", "/proc/sys/net/core/somaxconn")
		e.state("CONTAINER_EXITED", id)
		e.says("1024\t65000\n77", "logs", id)
	}},
	{"bind a low port without privileges", func(e *engine) {
		pod, file := e.networkPod("pod", func(pod map[string]any) {
			pod["linux"].(map[string]any)["sysctls"] = map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"}
		})
		id := e.container(pod, file, security(map[string]any{"run_as_user": map[string]any{"value": 1000}, "capabilities": map[string]any{"drop_capabilities": []string{"ALL"}}}),
			"busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
		e.eventually("no program", "exec", "--sync", id, "busybox", "wget", "-q", "-O-", "http://127.0.0.1/plain")
	}},
	{"network of the host", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "busybox", "ip", "address", "show", "tare-pods")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"10.88.0.1/16"}, "logs", id)
	}},
	{"no capability for the network", func(e *engine) {
		pod, file := e.networkPod("pod", nil)
		id := e.container(pod, file, nil, "busybox", "ip", "link", "set", "lo", "down")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"Operation not permitted"}, "logs", id)
	}},
	{"shared pid namespace", func(e *engine) {
		pod, file := e.networkPod("pod", nil)
		shared := func(name string) func(c map[string]any) {
			return func(c map[string]any) {
				security(map[string]any{"namespace_options": map[string]any{"pid": 0}})(c)
				c["metadata"] = map[string]any{"name": name}
			}
		}
		one := e.container(pod, file, shared("one"), "sleep", "600")
		two := e.container(pod, file, shared("two"), "sleep", "601")
		e.has([]string{"sleep 600", "sleep 601"}, "exec", "--sync", one, "ps")
		e.does("exec", "--sync", two, "sh", "-c", `kill -9 $(ps | grep "sleep 60[0]" | { read pid rest; echo $pid; })`)
		e.state("CONTAINER_EXITED", one)
		e.state("CONTAINER_RUNNING", two)
	}},
	{"pid namespace of another container", func(e *engine) {
		pod, file := e.networkPod("pod", nil)
		own := security(map[string]any{"namespace_options": map[string]any{"pid": 1}})
		target := e.container(pod, file, own, "sleep", "600")
		id := e.container(pod, file, func(c map[string]any) {
			security(map[string]any{"namespace_options": map[string]any{"pid": 3, "target_id": target}})(c)
			c["metadata"] = map[string]any{"name": "debugger"}
		}, "ps")
		e.state("CONTAINER_EXITED", id)
		if out := e.does("logs", id); !strings.Contains(out, "sleep 600") || strings.Contains(out, "tail -f /dev/null") {
			e.fail("%q", out)
		}
	}},
	{"a pod that is stopped leaves no network", func(e *engine) {
		pod, _ := e.networkPod("pod", nil)
		address := e.address(pod)
		e.does("stopp", pod)
		e.does("rmp", pod)
		if left, _ := filepath.Glob("/var/lib/cni/networks/tare-pods/" + address); len(left) > 0 {
			e.fail("left: %q", left)
		}
		if left, _ := filepath.Glob("/run/netns/*"); len(left) > 0 {
			e.fail("left: %q", left)
		}
	}},
}

// forwarded is the answer of a port of a pod, through crictl and the streaming server of the CRI.
func (e *engine) forwarded(pod string, port int) string {
	local := hostPort + 1
	line := e.line([]string{"port-forward", pod, fmt.Sprintf("%d:%d", local, port)})
	forward := exec.Command(line[0], line[1:]...)
	must2(e, forward.Start())
	defer func() {
		_ = forward.Process.Kill()
		_ = forward.Wait()
	}()
	var err error
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var response *http.Response
		if response, err = http.Get(fmt.Sprintf("http://127.0.0.1:%d", local)); err == nil {
			text, err := io.ReadAll(response.Body)
			response.Body.Close()
			must2(e, err)
			return string(text)
		}
	}
	e.fail("%q: %v", line, err)
	return ""
}
