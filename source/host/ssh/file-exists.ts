import {access} from 'node:fs/promises';

/** Is there something at the path that we can see? */
export const fileExists = async (file: string): Promise<boolean> => {
	try {
		await access(file);
		return true;
	} catch {
		return false;
	}
};
