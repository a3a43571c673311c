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
const SUPERVISION = 'test/activities/supervise-ramp.test.ts';
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
    name: 'a lease is renewed although a gate failed',
    file: 'src/activities/supervise/supervise-ramp.ts',
    find: "const judgement = this.#judge(reading);\n    if (judgement.verdict === 'fail') return this.#failed();",
    replace:
      "const judgement = this.#judge(reading);\n    if (judgement.verdict === 'fail') {\n      await this.#renew();\n      return this.#failed();\n    }",
    test: SUPERVISION,
    title: 'a decisive failure revokes the ramp before it returns and renews nothing',
    pure: true,
  },
  {
    name: 'a failing gate returns without a revocation',
    file: 'src/activities/supervise/supervise-ramp.ts',
    find: "await this.#revoke('gate');",
    replace: '',
    test: SUPERVISION,
    title: 'a decisive failure revokes the ramp before it returns and renews nothing',
    pure: true,
  },
  {
    name: 'every verdict waits for the slowest source',
    file: 'src/activities/supervise/supervise-ramp.ts',
    find: "if (!over.aborted && this.#verdictOn(this.#sources.reading()) === 'fail') failing();",
    replace: "if (over.aborted && this.#verdictOn(this.#sources.reading()) === 'fail') failing();",
    test: SUPERVISION,
    title: 'hangs just when another shows the failure',
    pure: true,
  },
  {
    name: 'a revision with open streams is let go',
    file: 'src/activities/release-capacity.ts',
    find: 'if (active > 0) return { stillOpen: active };',
    replace: 'void active;',
    test: 'test/activities/waits.test.ts',
    title: 'a revision on which streams are open is not let go',
    pure: true,
  },
  {
    name: 'a superseded rollout keeps the next one waiting',
    file: 'src/domain/transitions.ts',
    find: "exposed ? drainStage(cause) : 'parting'",
    replace: "exposed ? 'draining' : 'parting'",
    test: 'test/domain/ending.test.ts',
    title: 'a superseded rollout hands its drain over',
    pure: true,
  },
  {
    name: 'long activities take the slots of a rollback',
    file: 'src/workflows/options.ts',
    find: 'taskQueue: LONG_TASK_QUEUE,\n    startToCloseTimeout: bucketMs',
    replace: 'startToCloseTimeout: bucketMs',
    test: 'test/workflow/rollout.test.ts',
    title: 'with more rollouts than long slots',
    pure: false,
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
    replace: 'void revokeAtOnce;',
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
