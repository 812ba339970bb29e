# bash completion of tare(8); made by completion_test.go.

_tare() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= word i
	local flags='--root --log --log-format --log-level --debug --systemd-cgroup --cgroup-manager --rootless --help -h --version -v' valued=' --root --log --log-format --log-level --cgroup-manager --rootless ' ids= global=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--root) global=(--root "${COMP_WORDS[i+1]}") ;;
		--root=*) global=("$word") ;;
		esac
		if [[ $valued == *" $word "* ]]; then
			((++i))
		elif [[ $word != -* ]]; then
			verb=$word
			break
		fi
	done
	case $verb in
	create) flags='--bundle -b --config -f --console-socket --pidfd-socket --pid-file --overlay --no-pivot --no-new-keyring --preserve-fds --help -h' valued=' --bundle -b --config -f --console-socket --pidfd-socket --pid-file --overlay --preserve-fds ' ;;
	start) flags='--help -h' valued='  ' ids=1 ;;
	state) flags='--help -h' valued='  ' ids=1 ;;
	kill) flags='--all -a --regex -r --help -h' valued='  ' ids=1 ;;
	delete) flags='--force -f --regex -r --help -h' valued='  ' ids=1 ;;
	pause) flags='--help -h' valued='  ' ids=1 ;;
	resume) flags='--help -h' valued='  ' ids=1 ;;
	update) flags='--resources -r --memory --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-idle --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --device-allow --device-deny --replace-devices --print --l3-cache-schema --mem-bw-schema --help -h' valued=' --resources -r --memory --memory-reservation --memory-swap --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-idle --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --device-allow --device-deny --l3-cache-schema --mem-bw-schema ' ids=1 ;;
	mounts) flags='--help -h' valued='  ' ids=1 ;;
	run) flags='--bundle -b --config -f --console-socket --pidfd-socket --pid-file --overlay --no-pivot --no-new-keyring --preserve-fds --detach -d --keep --no-subreaper --help -h' valued=' --bundle -b --config -f --console-socket --pidfd-socket --pid-file --overlay --preserve-fds ' ;;
	exec) flags='--process -p --cwd --env -e --user -u --additional-gids -g --cap -c --no-new-privs --tty -t --process-label --apparmor --detach -d --pid-file --console-socket --pidfd-socket --cgroup --ignore-paused --preserve-fds --help -h' valued=' --process -p --cwd --env -e --user -u --additional-gids -g --cap -c --process-label --apparmor --pid-file --console-socket --pidfd-socket --cgroup --preserve-fds ' ids=1 ;;
	list) flags='--format -f --quiet -q --help -h' valued=' --format -f ' ;;
	ps) flags='--format -f --help -h' valued=' --format -f ' ids=1 ;;
	events) flags='--interval --stats --format -f --help -h' valued=' --interval --format -f ' ids=1 ;;
	check) flags='--bundle -b --config -f --format --help -h' valued=' --bundle -b --config -f --format ' ;;
	plan) flags='--bundle -b --config -f --console-socket --pidfd-socket --pid-file --overlay --no-pivot --no-new-keyring --preserve-fds --format --help -h' valued=' --bundle -b --config -f --console-socket --pidfd-socket --pid-file --overlay --preserve-fds --format ' ;;
	spec) flags='--bundle -b --file -f --rootless --help -h' valued=' --bundle -b --file -f ' ;;
	features) flags='--help -h' valued='  ' ;;
	help) flags='--help -h' valued='  ' ;;
	esac
	COMPREPLY=()
	if [[ $valued == *" $prev "* ]]; then
		case $prev in
		--cgroup-manager) COMPREPLY=($(compgen -W 'cgroupfs systemd disabled' -- "$cur")) ;;
		--format) COMPREPLY=($(compgen -W 'table json' -- "$cur")) ;;
		--log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")) ;;
		--log-level) COMPREPLY=($(compgen -W 'error warning debug' -- "$cur")) ;;
		--rootless) COMPREPLY=($(compgen -W 'true false auto' -- "$cur")) ;;
		esac
		return # otherwise files
	fi
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$flags" -- "$cur"))
	elif [[ -z $verb ]]; then
		COMPREPLY=($(compgen -W 'create start state kill delete pause resume update mounts run exec list ps events check plan spec features help' -- "$cur"))
	elif [[ -n $ids ]]; then
		ids=$("${COMP_WORDS[0]}" "${global[@]}" list --quiet 2>/dev/null)
		if [[ $verb == kill && " "${ids//$'\n'/ }" " == *" $prev "* ]]; then
			ids='TERM KILL HUP INT QUIT USR1 USR2 STOP CONT'
		fi
		[[ $verb == mounts && $prev == mounts ]] && ids='add remove'
		COMPREPLY=($(compgen -W "$ids" -- "$cur"))
	fi
}

complete -o default -F _tare tare
