import {closedRules} from './paths/closed.js';
import {controllerPath} from './paths/controller.js';
import {exposed} from './paths/exposed.js';
import {hairpin} from './paths/hairpin.js';
import {unknown} from './paths/unknown.js';
import type {Rule} from './rule.js';

/** Rules about what was measured between nodes. */
export const pathRules: readonly Rule[] = [
	...closedRules,
	hairpin,
	unknown,
	controllerPath,
	exposed,
];
