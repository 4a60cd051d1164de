// The rules of the house (docs/architecture.md): who may import whom.
const lib = (name) => `^libs/${name}/`;
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(libs|services|cli|tools)/', pathNot: allowed },
});
module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      comment: 'Libs form a lattice.',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-service-imports-service',
      severity: 'error',
      comment: 'Services meet only in messages.',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'libs-import-libs-only',
      severity: 'error',
      comment: 'Libs know neither services nor tools.',
      from: { path: '^libs/' },
      to: { path: '^(services|cli|tools|tests)/' },
    },
    only(
      'contracts-at-the-bottom',
      lib('contracts'),
      [lib('contracts')],
      'contracts imports nothing of ours.',
    ),
    only(
      'repository-alone',
      '^libs/repository/(?!.*\\.test\\.ts$)',
      [lib('repository'), lib('contracts'), lib('mime')],
      'The engine knows neither NATS nor the store nor the connectors.',
    ),
    only(
      'exchange-alone',
      '^libs/exchange/(?!.*\\.test\\.ts$)',
      [lib('exchange'), lib('contracts'), lib('mime')],
      'Budgets are a port that a service fills.',
    ),
    only(
      'scheduling-alone',
      '^libs/scheduling/(?!.*\\.test\\.ts$)',
      [lib('scheduling'), lib('contracts')],
      'Pure functions.',
    ),
    only(
      'messaging-alone',
      '^libs/messaging/(?!.*\\.test\\.ts$)',
      [lib('messaging'), lib('contracts')],
      'Knows nothing of mailboxes.',
    ),
    only(
      'store-alone',
      '^libs/store/(?!.*\\.test\\.ts$)',
      [lib('store'), lib('contracts')],
      'Knows nothing of mailboxes.',
    ),
    only(
      'catalog-alone',
      '^libs/catalog/(?!.*\\.test\\.ts$)',
      [lib('catalog'), lib('contracts')],
      'A projection: knows neither NATS nor exchange nor the engine.',
    ),
    only(
      'runtime-alone',
      '^libs/runtime/(?!.*\\.test\\.ts$)',
      [lib('runtime'), lib('contracts')],
      'Knows nothing of mailboxes.',
    ),
    only(
      'simulator-knows-nothing-of-us',
      '^tools/exchange-simulator/',
      ['^tools/exchange-simulator/'],
      'It serves foreign clients too.',
    ),
    only(
      'export-alone',
      '^libs/export/(?!.*\\.test\\.ts$)',
      [lib('export'), lib('contracts'), lib('repository')],
      'Exports come from a repository and need nothing else.',
    ),
    only(
      'cli-over-rest',
      '^cli/(?!src/reader/|.*\\.test\\.ts$)',
      ['^cli/', lib('contracts'), lib('export')],
      'The CLI speaks REST.',
    ),
    only(
      'reader-alone',
      '^cli/src/reader/(?!.*\\.test\\.ts$)',
      ['^cli/', lib('contracts'), lib('export'), lib('repository')],
      'holdfast-reader runs when nothing else does.',
    ),
    {
      name: 'domain-without-io',
      severity: 'error',
      comment: 'Domain code takes ports, it does no I/O.',
      from: { path: '^services/[^/]+/src/domain/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^(node:)?(fs|net|http|https|child_process|worker_threads|sqlite|dgram|tls)(/|$)|node_modules/(mongodb|@nats-io|undici|express|nodemailer)/',
      },
    },
    {
      name: 'domain-without-io-libs',
      severity: 'error',
      comment: 'Domain code takes ports of its own.',
      from: { path: '^services/[^/]+/src/domain/', pathNot: '\\.test\\.ts$' },
      to: { path: '^libs/(messaging|store)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'backends-know-no-packs',
      severity: 'error',
      comment: 'A backend stores named bytes.',
      from: { path: '^libs/repository/src/backends/(?!.*\\.test\\.ts$)' },
      to: { path: '^libs/repository/src/', pathNot: '^libs/repository/src/(backends/|ports|errors)' },
    },
    {
      name: 'one-door',
      severity: 'error',
      comment:
        'A lib is imported by its index only. The error class has a door beside: threads need it without all schemas.',
      from: { path: '^(libs|services|cli|tools)/([^/]+)/' },
      to: {
        path: '^libs/([^/]+)/src/',
        pathNot: [
          '^$1/$2/',
          '^libs/[^/]+/src/index\\.ts$',
          '^libs/[^/]+/src/testing/index\\.ts$',
          '^libs/contracts/src/errors\\.ts$',
        ],
      },
    },
    {
      name: 'no-development-code',
      severity: 'error',
      comment: 'Production code imports no test doors.',
      from: { path: '^(libs|services|cli)/', pathNot: ['\\.test\\.ts$', '^libs/testing/', '/testing/'] },
      to: { path: ['^libs/testing/', '/src/testing/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'node_modules/.*/node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
