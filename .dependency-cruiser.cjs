/**
 * The arrows and doors of metergate. Data flows to the right, imports point to the left:
 *   meter registers -> bus -> meter -> reading -> energy -> store -> sync  ==HTTP==>  ingest -> store -> query
 * A package with side effects has one door. `npm run check` fails when a rule is broken or when fewer modules
 * were looked at than exist.
 */

/** Only files matching `doors` may import the package. */
const door = (name, packagePattern, doors) => ({
  name,
  severity: 'error',
  from: {
    path: '^(agent|cloud-api|protocol|simulator)/src',
    pathNot: [...doors, '\\.test\\.ts$', '/testing/', '\\.contract\\.ts$'],
  },
  to: { path: packagePattern },
})

/** Nothing in `folder` may import from a folder to its right. */
const arrow = (program, folder, forbidden) => ({
  name: `${program}-${folder}-points-left`,
  severity: 'error',
  from: { path: `^${program}/src/${folder}/`, pathNot: ['\\.test\\.ts$', '/testing/', '\\.contract\\.ts$'] },
  to: { path: forbidden.map((name) => `^${program}/src/${name}(/|\\.ts)`) },
})

const nodeModule = (name) => `(^|/)node_modules/${name}/`

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'programs-share-only-the-protocol',
      severity: 'error',
      from: { path: '^(protocol|agent|cloud-api|simulator)/' },
      to: { path: '^(agent|cloud-api|simulator|scripts)/', pathNot: '^$1/' },
    },
    {
      name: 'protocol-is-pure',
      comment: 'only zod, hashing and its own files; profile/library.ts alone may read the profile folder',
      severity: 'error',
      from: { path: '^protocol/src/', pathNot: ['\\.test\\.ts$', '/testing/', '^protocol/src/profile/library\\.ts$'] },
      to: { pathNot: ['^protocol/src/', nodeModule('zod'), '^(node:)?crypto$'] },
    },
    door('door-serial', nodeModule('(serialport|@serialport|modbus-serial)'), ['^agent/src/bus/']),
    door('door-pty', nodeModule('@lydell/node-pty'), ['^simulator/src/line/']),
    door('door-sqlite', nodeModule('better-sqlite3(-napi)?'), ['^(agent|cloud-api)/src/store/']),
    door('door-axios', nodeModule('axios'), ['^agent/src/sync/']),
    door('door-pg', nodeModule('pg'), ['^cloud-api/src/store/']),
    door('door-system', nodeModule('(node-cron|pino)'), ['^(agent|cloud-api)/src/system/']),
    {
      name: 'only-compose-and-main-know-every-adapter',
      comment: 'parts never reach into the composition',
      severity: 'error',
      from: { path: '^(agent|cloud-api)/src/[^/]+/', pathNot: ['\\.test\\.ts$', '/testing/'] },
      to: { path: '^(agent|cloud-api)/src/(compose|main)\\.ts$' },
    },
    arrow('agent', 'bus', ['meter', 'poll', 'reading', 'energy', 'store', 'sync', 'control', 'cli', 'gateway']),
    arrow('agent', 'meter', ['poll', 'energy', 'store', 'sync', 'control', 'cli', 'gateway']),
    arrow('agent', 'reading', ['poll', 'energy', 'store', 'sync', 'control', 'cli', 'gateway']),
    arrow('agent', 'energy', ['bus', 'poll', 'store', 'sync', 'control', 'cli', 'gateway']),
    arrow('agent', 'store', ['bus', 'meter', 'poll', 'energy', 'sync', 'control', 'cli', 'gateway']),
    arrow('agent', 'sync', ['bus', 'meter', 'poll', 'energy', 'control', 'cli', 'gateway']),
    arrow('cloud-api', 'store', ['ingest', 'http', 'query', 'cli', 'server']),
    arrow('cloud-api', 'ingest', ['query', 'cli', 'server']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['metergate-source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.vue'],
    },
  },
}
