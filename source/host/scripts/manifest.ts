import {
	failFunction,
	hashFunctions,
	roomFunctions,
	stateFolder,
	stateFolderFunction,
} from './files-shell.js';
import {defineScript} from './script.js';

/** Where the list of all that we added to a host lies. */
export const manifestPath = `${stateFolder}/manifest.json`;

/** Reads the manifest of a host as text; `undefined` when there is none. Its form: install/manifest.ts. */
export const manifestRead = defineScript<
	Record<string, never>,
	string | undefined
>({
	name: 'manifest.read',
	purpose: 'reads the list of what we added to this machine',
	as: 'root',
	timeoutMs: 30_000,
	fields: () => [],
	source: `
[ -f ${manifestPath} ] || exit 3
cat ${manifestPath}
`,
	acceptCodes: [3],
	decode: ({stdout, code}) => (code === 3 ? undefined : stdout),
});

/** Writes the manifest of a host, atomically and only when it is different. */
export const manifestWrite = defineScript<
	{readonly content: string},
	{readonly changed: boolean}
>({
	name: 'manifest.write',
	purpose: 'writes the list of what we added to this machine',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({content}) => [{name: 'content', value: content}],
	source: `${failFunction}${hashFunctions}${roomFunctions}${stateFolderFunction}
state_folder
if [ -f ${manifestPath} ] && [ "$(sha256_of ${manifestPath})" = "$(printf %s "$content" | sha256_in)" ]; then
	echo unchanged
	exit 0
fi
(umask 077 && printf %s "$content" >${manifestPath}.new) || {
	rm -f ${manifestPath}.new
	cannot_write ${manifestPath}
}
mv -f ${manifestPath}.new ${manifestPath}
echo changed
`,
	decode: ({stdout}) => ({changed: stdout.trim() === 'changed'}),
});

/** Removes our folder with all that is in it: the last of ours on a machine, after what it lists is taken back. */
export const manifestForget = defineScript<
	Record<string, never>,
	{readonly changed: boolean}
>({
	name: 'manifest.forget',
	purpose:
		'removes the folder with the list of what we added, when all of it is taken back',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: `${failFunction}
if [ ! -e ${stateFolder} ]; then
	echo 'changed no'
	exit 0
fi
rm -rf ${stateFolder} || fail '${stateFolder} cannot be removed.'
echo 'changed yes'
`,
	decode: ({stdout}) => ({changed: stdout.trim() === 'changed yes'}),
});
