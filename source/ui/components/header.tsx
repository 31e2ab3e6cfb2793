import {Box, Text} from 'ink';
import {stepTitles, wizardSteps, type WizardStep} from '../state/steps.js';
import {Toned} from '../theme.js';

const separator = ' · ';
const journey = wizardSteps.filter((step) => step !== 'done');

/** Where on the line the title of a step begins, and its length. */
const place = (step: WizardStep): {start: number; length: number} => {
	let start = 0;
	for (const known of journey) {
		if (known === step) {
			break;
		}

		start += stepTitles[known].length + separator.length;
	}

	return {start, length: stepTitles[step].length};
};

const journeyWidth = journey
	.map((step) => stepTitles[step])
	.join(separator).length;

type Properties = {
	readonly cluster: string | undefined;
	readonly step: WizardStep | undefined;
	readonly isDemo: boolean;
	readonly columns: number;
	/** 1 or 2; the second row marks the step. */
	readonly rows: number;
};

const Steps = ({
	step,
	rows,
}: {
	readonly step: WizardStep;
	readonly rows: number;
}) => {
	const {start, length} = place(step);
	return (
		<Box flexDirection="column" width={journeyWidth} flexShrink={0}>
			<Text wrap="truncate-end">
				{journey.map((known, index) => (
					<Text key={known}>
						{index > 0 && <Toned tone="muted">{separator}</Toned>}
						<Toned
							bold={known === step}
							tone={known === step ? 'accent' : 'muted'}
						>
							{stepTitles[known]}
						</Toned>
					</Text>
				))}
			</Text>
			{rows > 1 && step !== 'done' && (
				<Toned tone="accent">
					{' '.repeat(start)}
					{'━'.repeat(length)}
				</Toned>
			)}
		</Box>
	);
};

/** Which cluster, and where on the journey. */
export const Header = ({cluster, step, isDemo, columns, rows}: Properties) => {
	const left = `k3s-mesh${cluster === undefined ? '' : `  ›  ${cluster}`}`;
	const isWide = left.length + journeyWidth + (isDemo ? 7 : 0) + 4 <= columns;
	return (
		<Box
			height={rows}
			width={columns}
			paddingX={1}
			justifyContent="space-between"
			overflow="hidden"
		>
			<Box height={1} flexShrink={1}>
				<Text wrap="truncate-end">
					{isDemo ? (
						<>
							<Toned bold inverse tone="warning">
								DEMO
							</Toned>{' '}
						</>
					) : null}
					<Toned bold>{left}</Toned>
				</Text>
			</Box>
			{step !== undefined &&
				(isWide ? (
					<Steps step={step} rows={rows} />
				) : (
					<Box height={1} flexShrink={0} marginLeft={1}>
						<Toned bold tone="accent">
							{stepTitles[step]}
						</Toned>
						{step !== 'done' && (
							<Toned tone="muted">
								{` ${journey.indexOf(step) + 1}/${journey.length}`}
							</Toned>
						)}
					</Box>
				))}
		</Box>
	);
};
