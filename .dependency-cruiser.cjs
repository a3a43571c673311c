/** Imports go one way (design: domain ← judge, contract, spec, providers ← activities ← worker; contract ← client ← cli). */
const only = (from, allowed, comment) => ({
  name: `${from}-imports`,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [`^src/${from}/`, ...allowed.map((room) => `^src/${room}`)] },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: { pathNot: '^(test|src/domain)' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-runtime-circles-in-domain',
      severity: 'error',
      from: { path: '^src/domain' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'domain-and-judge-are-pure',
      severity: 'error',
      from: { path: '^src/(domain|judge)/' },
      to: { dependencyTypes: ['npm', 'core', 'npm-dev', 'npm-peer', 'npm-optional'] },
    },
    only('domain', [], 'the domain knows nobody'),
    only('judge', ['domain'], 'judgement is pure'),
    only('spec', ['domain'], 'files become plans'),
    only('contract', ['domain'], 'names and payloads'),
    only('providers', ['domain'], 'adapters know ports and nothing of Temporal'),
    only('activities', ['domain', 'judge', 'contract', 'providers/(ports|errors)'], 'activities know ports, never a vendor'),
    only('workflows', ['domain', 'contract'], 'the workflow interprets'),
    only('client', ['domain', 'contract'], 'a facade over names and payloads'),
    only('worker', ['domain', 'judge', 'contract', 'providers', 'activities', 'spec'], 'the composition root'),
    only('http', [], 'what everybody needs who carries a message on'),
    only('dataplane', ['domain', 'http'], 'stands in the path of traffic'),
    only('guard', ['domain', 'http'], 'lives inside other services'),
    only('testing', ['domain', 'providers'], 'for adapter authors'),
    {
      name: 'providers-without-temporal',
      severity: 'error',
      from: { path: '^src/(providers|judge|spec|http|dataplane|guard|testing)/' },
      to: { path: '@temporalio' },
    },
    {
      name: 'no-zod-in-the-bundle',
      severity: 'error',
      from: { path: '^src/(workflows|domain|contract)/' },
      to: { path: 'node_modules/(zod|pino|prom-client|undici)' },
    },
    {
      name: 'only-cli-starts-workers',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|worker)/' },
      to: { path: '^src/worker/' },
    },
    { name: 'referee-is-independent', severity: 'error', from: { path: '^test/referee/' }, to: { path: '^src/' } },
    { name: 'no-tests-in-source', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
  ],
  options: { tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, doNotFollow: { path: 'node_modules' } },
};
