/** What a gate of the user's own says once all layers are merged → a policy, or what is wrong with it. */
import type { Comparison, Counter, CustomMeasure, PromQl } from '../domain/custom-measure.js';
import type { GatePolicy } from '../domain/policy.js';
import type { Said } from './custom-gates-schema.js';
import type { Finding } from './findings.js';
import type { Path } from './paths.js';
import { fillsOf } from './promql.js';
import { oneOf } from './suggest.js';

/** With the connections of the rollout. A gate that is broken is left out of the policy, and `findings` say why. */
export function readCustomGates(
  written: Readonly<Record<string, Said>>,
  sources: readonly string[],
): { readonly gates: readonly GatePolicy[]; readonly findings: readonly Finding[] } {
  const read = Object.entries(written).flatMap(([gate, said]) => (said.mode === 'off' ? [] : [readOne(gate, said, sources)]));
  return {
    gates: read.flatMap(({ policy, findings }) => (findings.length === 0 ? [policy] : [])),
    findings: read.flatMap(({ findings }) => findings),
  };
}

function readOne(
  gate: string,
  said: Said,
  sources: readonly string[],
): { readonly policy: GatePolicy; readonly findings: readonly Finding[] } {
  const path = ['gates', 'custom', gate];
  const { source = sources[0] ?? '', required = false, consecutive = 3 } = said;
  const isValue = said.value !== undefined;
  const mode = said.mode === undefined || said.mode === 'off' ? (isValue ? 'threshold' : 'sequential') : said.mode;
  const { measure, tolerance, findings } = isValue ? readValue(path, said, source) : readProportion(path, said, source);
  const broken = Object.entries({ bad: said.bad, all: said.all, value: said.value }).flatMap(([field, one]) =>
    one?.kind === 'broken' ? [wrong([...path, field], 'a broken expression', one.expected)] : [],
  );
  const strange =
    sources.length > 0 && !sources.includes(source)
      ? [
          wrong(
            [...path, 'source'],
            JSON.stringify(source),
            oneOf(sources),
            'metrics of this rollout names the connections it may read',
          ),
        ]
      : [];
  const sampled =
    isValue && mode === 'sequential'
      ? [wrong([...path, 'mode'], 'sequential', 'threshold, observe or off', 'a value is no sample')]
      : [];
  const spends =
    isValue && said.alpha !== undefined
      ? [wrong([...path, 'alpha'], 'a part of alpha', 'none beside value', 'a threshold on a value spends none')]
      : [];
  return {
    policy: {
      gate: `custom:${gate}`,
      mode,
      tolerance,
      required,
      consecutive,
      ...(said.alpha === undefined ? {} : { share: said.alpha }),
      measure,
    },
    findings: [...findings, ...broken, ...strange, ...sampled, ...spends],
  };
}

interface Read {
  readonly measure: CustomMeasure;
  readonly tolerance: number;
  readonly findings: readonly Finding[];
}

function readValue(path: Path, { value, above, below, bad, all, comparison, tolerance }: Said, source: string): Read {
  const findings: Finding[] = Object.entries({ bad, all, comparison, tolerance }).flatMap(([field, other]) =>
    other === undefined ? [] : [wrong([...path, field], 'a field of a proportion', 'none beside value')],
  );
  if ((above === undefined) === (below === undefined))
    findings.push(
      wrong(
        [...path, above === undefined ? 'above' : 'below'],
        above === undefined ? 'neither above nor below' : 'above and below',
        'one of above and below',
      ),
    );
  return {
    measure: {
      source,
      kind: 'value',
      value: value?.kind === 'promql' ? value : { kind: 'promql', parts: [] },
      fails: above === undefined ? 'below' : 'above',
    },
    tolerance: above ?? below ?? 0,
    findings,
  };
}

function readProportion(path: Path, { bad, all, comparison = 'stable', tolerance, above, below }: Said, source: string): Read {
  const findings: Finding[] = Object.entries({ above, below }).flatMap(([field, other]) =>
    other === undefined ? [] : [wrong([...path, field], 'a threshold on a value', 'value beside it')],
  );
  if (tolerance === undefined)
    findings.push(
      wrong(
        [...path, 'tolerance'],
        'no tolerance',
        'a percentage with its sign, such as 0.2%',
        'only you know how much is too much',
      ),
    );
  if ((bad === undefined) !== (all === undefined))
    findings.push(
      bad === undefined
        ? wrong([...path, 'bad'], 'all without bad', 'both, or none of them')
        : wrong([...path, 'all'], 'bad without all', 'both, or none of them'),
    );
  for (const [field, one] of Object.entries({ bad, all }))
    if (one?.kind === 'promql') findings.push(...counterFindings([...path, field], one, comparison));
  return {
    measure:
      isCounter(bad) && isCounter(all)
        ? { source, kind: 'proportion', bad, all, comparison }
        : { source, kind: 'mapped', comparison },
    tolerance: tolerance ?? 0,
    findings,
  };
}

const isCounter = (one: Said['bad']): one is Counter => one !== undefined && one.kind !== 'broken';

/** What PromQL itself has already turned into a rate cannot be counted any more: it extrapolates. */
const NO_COUNTER = /\b(?:rate|irate|increase|delta|idelta|deriv)\s*\(/;

function counterFindings(path: Path, one: PromQl, comparison: Comparison): readonly Finding[] {
  const text = one.parts.map((part) => (typeof part === 'string' ? part : '')).join('');
  const fills = fillsOf(one);
  const [taken] = NO_COUNTER.exec(text) ?? [];
  if (taken !== undefined || fills.includes('window'))
    return [
      wrong(path, taken ?? '{{window}}', 'counters that only grow', 'Sluice counts what was added since the step began, exactly'),
    ];
  if (comparison === 'stable' && !fills.includes('revision') && !fills.includes('release'))
    return [
      wrong(path, 'the same for both revisions', '{{revision}} or {{release}} in it', 'the candidate is compared with stable'),
    ];
  return [];
}

function wrong(path: Path, found: string, expected: string, hint?: string): Finding {
  return { paths: [path, path.slice(0, -1)], found, expected, ...(hint === undefined ? {} : { hint }) };
}
