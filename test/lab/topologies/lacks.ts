/** Setups that take from a host what it could measure with: POSIX sh, run as root. */
export const noPython = 'rm -f /usr/bin/python3*\n';
export const noPerl = 'rm -f /usr/bin/perl*\n';
export const noListener = 'rm -f /usr/bin/socat* /usr/bin/nc* /bin/nc*\n';
export const noBash = `usermod -s /bin/sh root
rm -f /usr/bin/bash /usr/bin/rbash
`;
