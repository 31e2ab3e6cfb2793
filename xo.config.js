/** Rules that we leave, and why; all others are xo's own. */
const rules = {
	// The `v` flag needs a newer target than Node 20 gives every regular expression.
	'require-unicode-regexp': 'off',
	// Rewrites that are shorter and harder to read.
	'unicorn/better-regex': 'off',
	// Doc comments begin with what they are about: a unit, a file name, an option.
	'capitalized-comments': 'off',
	// Contracts are ordered for the reader.
	'@typescript-eslint/member-ordering': 'off',
	// Names of the outside world: K3s config keys, HTTP headers, environment variables.
	'@typescript-eslint/naming-convention': 'off',
	// Work on one machine is sequential by nature.
	'no-await-in-loop': 'off',
	'@typescript-eslint/switch-exhaustiveness-check': [
		'error',
		{considerDefaultExhaustiveForUnions: true},
	],
	// Narrowing after a check that the type system can not follow.
	'@typescript-eslint/no-unsafe-type-assertion': 'off',
	// React's own types name null.
	'@typescript-eslint/no-restricted-types': 'off',
	// Property tests and the lab use long, flat functions.
	'max-params': ['error', {max: 5}],
	complexity: 'off',
	// Prettier decides about it.
	'@stylistic/curly-newline': 'off',
	// `(await import(…)).name` reads as well as two lines.
	'unicorn/no-await-expression-member': 'off',
	'max-lines': 'off',
};

/** Rules about React that we leave, and why. */
const reactRules = {
	// JSX is compiled by the automatic runtime.
	'react/react-in-jsx-scope': 'off',
	// Components are constants, as all functions here are.
	'react/function-component-definition': 'off',
	// Text props are named as in Ink: bold, inverse.
	'react/boolean-prop-naming': 'off',
};

/** Where React is. */
const screens = ['**/*.tsx', 'source/ui/**/*.ts', 'test/ui/**/*.ts'];

export default [
	{ignores: ['dist/**', 'media/**/*.svg', 'test/lab/k3s-double/**']},
	{prettier: 'compat', rules},
	// An eighth of the time for files without React; the dependency rule keeps React in these.
	{react: true, prettier: 'compat', rules: reactRules, files: screens},
	{
		// Tools and tests talk to the terminal and to processes.
		files: ['test/**', 'scripts/**', 'media/**'],
		rules: {
			'no-console': 'off',
			'no-bitwise': 'off',
			'@typescript-eslint/strict-void-return': 'off',
			'unicorn/no-process-exit': 'off',
			'@typescript-eslint/no-floating-promises': 'off',
			'@typescript-eslint/no-unsafe-assignment': 'off',
			'@typescript-eslint/no-unsafe-call': 'off',
		},
	},
];
