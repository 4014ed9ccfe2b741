// The dependency rules of docs/ARCHITECTURE.md, one by one.
const core = 'packages/core/src'
const kit = 'packages/server-kit/src'
const leaves = 'auth|bridges|bus|control|dialects|links|listeners/[^/]+|sinks|store|tls'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'packages-never-sideways',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src' },
      to: { path: '^packages/', pathNot: ['^packages/$1/', `^${core}`] },
    },
    {
      name: 'core-imports-no-package',
      severity: 'error',
      from: { path: `^${core}` },
      to: { path: '^(packages/(?!core)|examples|bench)' },
    },
    { name: 'core-is-free-of-node', severity: 'error', from: { path: `^${core}` }, to: { dependencyTypes: ['core'] } },
    {
      name: 'model-imports-nothing',
      severity: 'error',
      from: { path: `^${core}/model` },
      to: { pathNot: `^${core}/model` },
    },
    {
      name: 'errors-import-nothing',
      severity: 'error',
      from: { path: `^${core}/errors` },
      to: { pathNot: `^${core}/errors` },
    },
    {
      name: 'contracts-import-core-only',
      severity: 'error',
      from: { path: `^${kit}/contracts` },
      to: { pathNot: [`^${kit}/contracts`, `^${core}`], dependencyTypesNot: ['core'] },
    },
    {
      name: 'contracts-name-types-of-node-and-use-nothing-of-it',
      severity: 'error',
      from: { path: `^${kit}/contracts` },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'leaves-know-contracts-and-core',
      severity: 'error',
      from: { path: `^${kit}/(${leaves})/` },
      to: { path: `^${kit}`, pathNot: [`^${kit}/contracts`, `^${kit}/$1/`] },
    },
    {
      name: 'pipeline-knows-contracts-and-core',
      severity: 'error',
      from: { path: `^${kit}/pipeline` },
      to: { path: `^${kit}`, pathNot: [`^${kit}/contracts`, `^${kit}/pipeline`] },
    },
    {
      name: 'testing-knows-contracts-and-core',
      severity: 'error',
      from: { path: `^${kit}/testing` },
      to: { path: `^${kit}`, pathNot: [`^${kit}/contracts`, `^${kit}/testing`] },
    },
    {
      name: 'only-hub-and-cli-know-everybody',
      severity: 'error',
      from: { path: `^${kit}/(?!cli|hub|index)` },
      to: { path: `^${kit}/(hub|cli)` },
    },
    // Each third-party package in one folder.
    ...[
      ['cbor-x', `^${core}/codec/cbor`],
      ['@standard-schema/spec', `^${core}/schema`],
      ['mqtt', '^packages/client-node/src/transports/mqttjs'],
      ['eventemitter3', `^${kit}/control`],
      ['hono|@hono/node-server|@valibot/to-json-schema|valibot', `^${kit}/listeners/http`],
      ['jose', `^${kit}/auth`],
      ['ws', `^(${kit}/listeners/websocket|packages/client-node/src/transports)`],
    ].map(([name, folder]) => ({
      name: `one-folder-for-${name.split('|')[0]}`,
      severity: 'error',
      from: { path: '^packages/[^/]+/src', pathNot: folder },
      to: { path: `node_modules/(${name})/` },
    })),
    {
      name: 'no-orphans-in-src',
      severity: 'error',
      from: { orphan: true, path: '^packages/[^/]+/src', pathNot: '\\.d\\.ts$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@thingmesh/source', 'import', 'node', 'default', 'types'],
    },
  },
}
