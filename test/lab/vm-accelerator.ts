import {existsSync} from 'node:fs';
import {run} from './run.js';
import {trialAnswer, trialWord, type VmImage} from './vm-image.js';

/** How QEMU runs a guest's instructions. */
export type Accelerator = {
	readonly name: 'kvm' | 'tcg';
	readonly arguments: readonly string[];
};

const kvm: Accelerator = {
	name: 'kvm',
	arguments: ['-accel', 'kvm', '-cpu', 'host'],
};

const tcg: Accelerator = {
	name: 'tcg',
	// A newer processor has more to set up at boot. 128 MiB of translated code (QEMU would take up to 1 GiB) suffice.
	arguments: ['-accel', 'tcg,thread=multi,tb-size=128', '-cpu', 'Nehalem'],
};

/** A trial that takes longer would be no faster than emulation. */
const trialSeconds = 10;

/**
 * KVM when a kernel really boots with it, else emulation. The device alone says little: inside another virtual
 * machine it may be there and refuse, or hang.
 */
export const chooseAccelerator = async (
	image: VmImage,
	signal?: AbortSignal,
): Promise<Accelerator> => {
	if (!existsSync('/dev/kvm')) {
		return tcg;
	}

	const {stdout} = await run(
		[
			// It ends the trial even when we are killed meanwhile.
			'timeout',
			'--signal=KILL',
			String(trialSeconds),
			'qemu-system-x86_64',
			...kvm.arguments,
			'-nodefaults',
			'-no-user-config',
			'-display',
			'none',
			'-m',
			'256',
			'-no-reboot',
			'-serial',
			'stdio',
			'-kernel',
			image.kernel,
			'-initrd',
			image.initrd,
			'-append',
			`console=ttyS0 panic=-1 quiet ${trialWord}`,
		],
		{signal},
	);
	return stdout.includes(trialAnswer) ? kvm : tcg;
};
