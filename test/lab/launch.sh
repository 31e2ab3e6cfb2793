#!/bin/sh
# Becomes the given program, after it wrote down which process it is.
# launch.sh INSTANCE_FOLDER SLOT PROGRAM [ARGUMENT...]
set -eu
folder=$1
slot=$2
shift 2
read -r stat <"/proc/$$/stat"
# Field 22 is the start time; the name in field 2 may hold blanks, so count from behind it.
start=$(printf '%s\n' "${stat##*) }" | cut -d ' ' -f 20)
echo "$$ $start" >"$folder/processes/$slot.new"
mv "$folder/processes/$slot.new" "$folder/processes/$slot"
# Whoever takes the instance down makes this mark first and reads the processes afterwards: one of us sees the other.
[ ! -e "$folder/stopping" ] || exit 1
exec "$@"
