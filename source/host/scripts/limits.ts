/** Limit of a script that asks the API by kubectl, in ms: small machines on slow disks take tens of seconds for one answer. */
export const apiLimitMs = 120_000;
