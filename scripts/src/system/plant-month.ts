import { playMonth } from './plant-month-run.js'

const t = performance.now()
const run = await playMonth(Number(process.argv[2] ?? 15), (x) => console.log(Math.round(performance.now() - t), x))
console.log(
  Math.round(performance.now() - t),
  run.folder,
  run.configFile,
  run.readings,
  run.batchesRefusedOffline,
  run.gateway,
  run.token,
  process.memoryUsage().rss / 1e6,
)
await run.cloud.close()
