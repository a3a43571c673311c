/** What a gate of the user's own measures (`gates.custom`), and at which of the rollout's metric connections. */
export type CustomMeasure = { readonly source: string } & (
  | { readonly kind: 'proportion'; readonly bad: Counter; readonly all: Counter; readonly comparison: Comparison }
  /** A proportion that the connection knows under the gate's name. */
  | { readonly kind: 'mapped'; readonly comparison: Comparison }
  /** The candidate's value; the gate's tolerance is the threshold. */
  | { readonly kind: 'value'; readonly value: PromQl; readonly fails: 'above' | 'below' }
);

/** Against stable beside it, or the candidate's own share against the tolerance. */
export type Comparison = 'stable' | 'absolute';

/** Something that only ever grows: the series of a metric, of which those with the label values of `where` count. */
export type Counter =
  { readonly kind: 'metric'; readonly name: string; readonly where: Readonly<Record<string, string>> } | PromQl;

/** An expression, cut at its placeholders: whoever fills them in escapes the values. */
export interface PromQl {
  readonly kind: 'promql';
  readonly parts: readonly (string | Placeholder)[];
}

/** `revision` is where it runs, as `candidate.revision` names it; `window` the time since the step began. */
export interface Placeholder {
  readonly fill: 'service' | 'environment' | 'revision' | 'release' | 'window';
  /** `text` and `pattern` stand inside double quotes, compared by `=` and by `=~`. */
  readonly as: 'text' | 'pattern' | 'duration';
}

/** What a rollout's own gates measure at one of its connections, by their names without `custom:`. */
export function measuredAt(
  source: string,
  gates: readonly { readonly gate: string; readonly measure?: CustomMeasure }[],
): Readonly<Record<string, CustomMeasure>> {
  return Object.fromEntries(
    gates.flatMap(({ gate, measure }) => (measure?.source === source ? [[gate.slice('custom:'.length), measure]] : [])),
  );
}
