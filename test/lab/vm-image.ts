import {Buffer} from 'node:buffer';
import {createReadStream, createWriteStream, readdirSync} from 'node:fs';
import {mkdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {pipeline} from 'node:stream/promises';
import {debianTree, type TreeVariant} from './base-tree.js';
import {cached, contentHash} from './cached.js';
import {writeHostFiles, type HostFile} from './host-files.js';
import {LabError, runOrFail} from './run.js';

/** Tells our initial RAM disk to say `trialAnswer` and switch off, instead of starting a host. */
export const trialWord = 'lab.trial';
/** What a machine says on its console when programs run on it. */
export const trialAnswer = 'lab-machine-runs-programs';

/** Modules that stand between the kernel and its disk, in the order of what they need. */
const diskModules = [
	'virtio/virtio',
	'virtio/virtio_ring',
	'virtio/virtio_pci_legacy_dev',
	'virtio/virtio_pci_modern_dev',
	'virtio/virtio_pci',
	'block/virtio_blk',
];

/** The first program of a virtual machine; on its first boot it unpacks what makes the host one of its own. */
const init = `#!/bin/busybox sh
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
if grep -q ${trialWord} /proc/cmdline; then
	echo ${trialAnswer} >/dev/console
	poweroff -f
fi
for module in /modules/*; do
	insmod "$module"
done
attempt=0
until [ -b /dev/vda ] || [ $attempt -ge 300 ]; do
	attempt=$((attempt + 1))
	usleep 100000
done
mount -t ext4 -o rw,noatime /dev/vda /root || exec poweroff -f
if [ ! -s /root/etc/machine-id ]; then
	tar -x -p -f /host.tar -C /root
	sync
fi
mount -o move /dev /root/dev
umount /proc
exec switch_root /root /sbin/init
`;

/**
 * The tree of virtual machines: with Debian's cloud kernel, and an initial RAM disk of a megabyte instead of the
 * usual fifteen, as an emulated CPU takes its time to unpack and search one.
 */
const vmTree: TreeVariant = {
	name: 'vm',
	packages: ['cpio', 'linux-image-cloud-amd64', 'udev'],
	setup: String.raw`
systemctl enable systemd-networkd.service systemd-network-generator.service
systemctl mask modprobe@.service sys-fs-fuse-connections.mount dev-mqueue.mount systemd-pstore.service \
	systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
kernel=$(echo /lib/modules/*)
rm -f /boot/initrd.img-* /initrd.img* /vmlinuz*
disk=$(mktemp -d)
mkdir "$disk/bin" "$disk/dev" "$disk/proc" "$disk/root" "$disk/modules"
cat >"$disk/init" <<'INIT'
${init}INIT
chmod 0755 "$disk/init"
number=10
for module in ${diskModules.join(' ')}; do
	cp "$kernel/kernel/drivers/$module.ko" "$disk/modules/$number.ko"
	number=$((number + 1))
done
for file in /bin/busybox $(ldd /bin/busybox | grep -o '/[^ ]*'); do
	mkdir -p "$disk/$(dirname "$file")"
	cp -L "$file" "$disk/$file"
done
for applet in $(busybox --list); do
	[ "$applet" = busybox ] || ln -s busybox "$disk/bin/$applet"
done
(cd "$disk" && find . | cpio --quiet -o -H newc | gzip -9) >/boot/initrd.lab
rm -rf "$disk"
`,
};

/** What all virtual machines start from; files of this machine. */
export type VmImage = {
	/** A raw ext4 disk, never written to. */
	readonly disk: string;
	readonly kernel: string;
	readonly initrd: string;
};

/** The size of a host's disk, almost all of it free; files take only what is in them. */
const diskSize = '10G';

/** The disk, made from a tree by mkfs.ext4 the first time (some seconds), and the kernel beside it. */
export const vmImage = async (signal?: AbortSignal): Promise<VmImage> => {
	if (process.arch !== 'x64') {
		throw new LabError(
			`Virtual machines of the lab are made for x64, and this machine is ${process.arch}. Containers (without --vm) work here.`,
		);
	}

	const tree = await debianTree(vmTree, signal);
	const disk = await cached(
		`vm-disk-${contentHash(path.basename(tree), diskSize)}`,
		async (target) => {
			await runOrFail(
				[
					'mkfs.ext4',
					'-q',
					'-F',
					'-L',
					'lab',
					'-d',
					tree,
					'-E',
					'lazy_itable_init=1,lazy_journal_init=1',
					target,
					diskSize,
				],
				{signal},
			);
		},
		signal,
	);
	const boot = path.join(tree, 'boot');
	const kernel = readdirSync(boot).find((file) => file.startsWith('vmlinuz-'));
	if (kernel === undefined) {
		throw new LabError(`There is no kernel in ${boot}.`);
	}

	return {
		disk,
		kernel: path.join(boot, kernel),
		initrd: path.join(boot, 'initrd.lab'),
	};
};

/**
 * One entry of a cpio archive in the `newc` format, as the kernel wants it (its documentation calls it the
 * initramfs buffer format): a header of hexadecimal fields, the name, the content, each padded to four bytes.
 */
const archiveEntry = (name: string, mode: number, content: Buffer): Buffer => {
	const inode = 1;
	const links = 1;
	const fields = [
		inode,
		mode,
		0,
		0,
		links,
		0,
		content.length,
		0,
		0,
		0,
		0,
		name.length + 1,
		0,
	];
	const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
	const padding = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);
	return Buffer.concat([
		Buffer.from(header),
		padding(header.length),
		content,
		padding(content.length),
	]);
};

/**
 * Writes a host's initial RAM disk: the common one, then an archive of the host's own files. The kernel unpacks one
 * after the other, when each begins at a multiple of four.
 */
export const writeHostInitrd = async (
	common: string,
	target: string,
	files: readonly HostFile[],
): Promise<void> => {
	const folder = `${target}.files`;
	const archive = `${target}.tar`;
	await mkdir(path.dirname(target), {recursive: true});
	await writeHostFiles(folder, files);
	await runOrFail([
		'tar',
		'--create',
		'--numeric-owner',
		'--format=ustar',
		`--file=${archive}`,
		`--directory=${folder}`,
		'.',
	]);
	const {size} = await stat(common);
	await pipeline(createReadStream(common), createWriteStream(target));
	await writeFile(
		target,
		Buffer.concat([
			Buffer.alloc((4 - (size % 4)) % 4),
			archiveEntry('host.tar', 0o10_0600, await readFile(archive)),
			archiveEntry('TRAILER!!!', 0, Buffer.alloc(0)),
		]),
		{flag: 'a'},
	);
	await rm(folder, {recursive: true});
	await rm(archive);
};
