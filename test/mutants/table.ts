/** Breakages of the source, each of which must turn a named test red. `pure` ones need no server and run in continuous integration. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test file, and a part of the title of the test that must fail. */
  readonly test: string;
  readonly title: string;
  readonly pure: boolean;
}

const ROLLOUT = 'test/domain/rollout.test.ts';
const INVARIANTS = 'test/domain/invariants.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a verdict short of pass advances',
    file: 'src/domain/supervising.ts',
    find: "result.judgement?.verdict === 'pass' &&",
    replace: "result.judgement?.verdict !== 'fail' &&",
    test: INVARIANTS,
    title: 'the invariants hold',
    pure: true,
  },
  {
    name: 'a rollback waits for the shift',
    file: 'src/domain/decide.ts',
    find: "case 'rolling-back':\n      return [{ id, kind: 'roll-back', intent: intentOf(plan, phase.climb, 0) }];",
    replace:
      "case 'rolling-back':\n      return blockers.length > 0 ? [] : [{ id, kind: 'roll-back', intent: intentOf(plan, phase.climb, 0) }, { id: 'shift/again', kind: 'shift', step: 0, intent: intentOf(plan, phase.climb, 0) }];",
    test: INVARIANTS,
    title: 'the invariants hold',
    pure: true,
  },
  {
    name: 'nobody supervises while the weight shifts',
    file: 'src/domain/decide.ts',
    find: "watch.run === 'stopping') return []",
    replace: "watch.run === 'stopping' || phase.kind === 'shifting') return []",
    test: ROLLOUT,
    title: 'stays supervised while capacity is raised',
    pure: true,
  },
  {
    name: 'a second failure does not freeze',
    file: 'src/domain/rollback.ts',
    find: 'if (failures >= 2)',
    replace: 'if (failures >= 3)',
    test: ROLLOUT,
    title: 'a second failure at the step freezes',
    pure: true,
  },
  {
    name: 'a gross failure is retried',
    file: 'src/domain/rollback.ts',
    find: 'gate.gross ||',
    replace: '',
    test: ROLLOUT,
    title: 'a gross failure, a duplicate effect',
    pure: true,
  },
  {
    name: 'a pause silences the gates',
    file: 'src/domain/supervising.ts',
    find: "if (result.kind === 'failed' && ofThisRamp) {",
    replace: "if (result.kind === 'failed' && ofThisRamp && state.ledger.pause.kind === 'none') {",
    test: ROLLOUT,
    title: 'a pause holds the advance and never the gates',
    pure: true,
  },
  {
    name: 'the advance rests on an old verdict',
    file: 'src/domain/evolve.ts',
    find: "watch: { ...phase.watch, run: 'stopping' }",
    replace: "watch: { ...phase.watch, run: 'running' }",
    test: ROLLOUT,
    title: 'resuming interrupts the running bucket',
    pure: true,
  },
  {
    name: 'a repeated request is applied again',
    file: 'src/domain/receiving.ts',
    find: 'if (answerTo(state, message.requestId) !== undefined) return state;',
    replace: '',
    test: ROLLOUT,
    title: 'the same request is applied once',
    pure: true,
  },
  {
    name: 'the starter may approve',
    file: 'src/domain/receiving.ts',
    find: 'rule.notTheStarter && message.by.name === ledger.starter.name',
    replace: 'rule.notTheStarter && message.by.name === `not ${ledger.starter.name}`',
    test: ROLLOUT,
    title: 'refuses the wrong person and the starter',
    pure: true,
  },
  {
    name: 'an approval waits for ever',
    file: 'src/domain/blocking.ts',
    find: "'awaiting-approval': 'approval',",
    replace: "'awaiting-approval': undefined as never,",
    test: ROLLOUT,
    title: 'an approval that nobody gives',
    pure: true,
  },
  {
    name: 'sequences stand still',
    file: 'src/domain/transitions.ts',
    find: "kind: 'shifting', climb: { ...climb, sequence: climb.sequence + 1 }",
    replace: "kind: 'shifting', climb",
    test: INVARIANTS,
    title: 'the invariants hold',
    pure: true,
  },
  {
    name: 'a step is passed over on the way up',
    file: 'src/domain/supervising.ts',
    find: "return raise(turn, state, climb, watch.step + 1, { kind: 'watched', watch: bridge });",
    replace:
      "return raise(turn, state, climb, Math.min(watch.step + 2, turn.plan.steps.length - 1), { kind: 'watched', watch: bridge });",
    test: INVARIANTS,
    title: 'the invariants hold',
    pure: true,
  },
  {
    name: 'an undecodable abort is only noted',
    file: 'src/domain/receiving.ts',
    find: "if (name !== 'abort') return noted;",
    replace: 'return noted;',
    test: 'test/workflow/rollout.test.ts',
    title: 'an undecodable abort is an abort',
    pure: false,
  },
  {
    name: 'the converter throws on decode',
    file: 'src/contract/payload-converter.cjs',
    find: 'return /** @type {any} */ ({ undecodable: why.slice(0, 200) });',
    replace: 'throw error;',
    test: 'test/workflow/rollout.test.ts',
    title: 'undecodable payloads become lines',
    pure: false,
  },
  {
    name: 'no revocation before the rollback',
    file: 'src/workflows/effects.ts',
    find: 'await revokeAtOnce(where, effect);',
    replace: '',
    test: 'test/workflow/rollout.test.ts',
    title: 'an abort by signal',
    pure: false,
  },
  {
    name: 'cancellation kills the scope',
    file: 'src/workflows/rollout.ts',
    find: 'return CancellationScope.nonCancellable(() => interpreter.run());',
    replace: 'return interpreter.run();',
    test: 'test/workflow/rollout.test.ts',
    title: 'an abort by signal',
    pure: false,
  },
];
