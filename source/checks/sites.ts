import {internalViews, findSites} from './conclusions/sites.js';
import {inWords, rule, type Rule} from './rule.js';

const mismatch = rule(
	{
		id: 'site.mismatch',
		severity: 'warning',
		sentence:
			'Nodes that the file puts at one site reach each other on internal addresses, and only those do.',
		source: 'our own measure',
	},
	(context, report) => {
		const {nodes} = context.cluster;
		const viewOf = internalViews(context);
		const found = findSites(context);
		const names = [...new Set(nodes.map(({site}) => site))].filter(
			(site) => site !== undefined,
		);
		const torn = names.flatMap((site) => {
			const members = nodes.filter((node) => node.site === site);
			const parts = found
				.map((one) => members.filter(({name}) => one.nodes.includes(name)))
				.filter((part) => part.length > 0)
				.map((part) => inWords(part.map(({name}) => name)));
			return parts.length < 2
				? []
				: [
						report(
							'warning',
							`The file puts ${inWords(members.map(({name}) => name))} at the site ${site}, but they do not all reach each other on their internal addresses: ${parts.join(' | ')}.`,
							{
								nodes: members.map(({name}) => name),
								fixes: [
									'Look at their firewalls and at internalIp of each, or give those that are elsewhere another site.',
								],
							},
						),
					];
		});
		const joined = nodes.flatMap((one, index) =>
			nodes
				.slice(index + 1)
				.filter(
					(other) =>
						one.site !== undefined &&
						other.site !== undefined &&
						one.site !== other.site &&
						viewOf(one.name, other.name) === 'joined',
				)
				.map((other) => [one, other] as const),
		);
		const [first] = joined;
		return first === undefined
			? torn
			: [
					...torn,
					report(
						'info',
						`${inWords([...new Set(joined.flat().map(({name}) => name))])} reach each other on internal addresses across the sites of the file (${first[0].name}: ${first[0].site!}, ${first[1].name}: ${first[1].site!}): they count as one site here.`,
						{nodes: [...new Set(joined.flat().map(({name}) => name))]},
					),
				];
	},
);

/** Rules about sites: what the file says against what was measured. */
export const siteRules: readonly Rule[] = [mismatch];
