/**
 * systemd as far as long steps use it: a unit is a process of its own session, with its pid in a file. Each start is
 * written to `units-started`.
 */
export const systemdRun = (root: string): string => `#!/bin/sh
for word in "$@"; do
	case "$word" in
		--unit=*) unit=\${word#--unit=} ;;
		--property=EnvironmentFile=-*)
			file=\${word#--property=EnvironmentFile=-}
			[ ! -f "$file" ] || { set -a; . "$file"; set +a; }
			;;
	esac
	worker=$word
done
echo "$unit" >>${root}/units-started
setsid sh -c 'echo $$ >"$1"; sh "$2"; rm -f "$1"' unit ${root}/unit-"$unit" "$worker" >/dev/null 2>&1 </dev/null 3>&- &
while [ ! -s ${root}/unit-"$unit" ] && [ ! -e "\${worker%/*}/result" ]; do
	sleep 0.01
done
`;

/** Says whether a unit of `systemdRun` runs. Every other command is written to `systemctl`, and `further` answers it. */
export const systemctl = (root: string, further = ''): string => `#!/bin/sh
case "$1" in
	show)
		for unit in "$@"; do :; done
		if [ -s ${root}/unit-"$unit" ] && kill -0 "$(cat ${root}/unit-"$unit")" 2>/dev/null; then
			echo ActiveState=active
		else
			echo ActiveState=inactive
		fi
		exit 0
		;;
	is-enabled) [ -e ${root}/enabled ]; exit ;;
esac
echo "$*" >>${root}/systemctl
${further}
`;
