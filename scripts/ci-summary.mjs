// Prints the counts of a vitest JSON report as one plain line; names what was skipped. Fails when there is no report
// or when nothing passed.
import { readFileSync } from 'node:fs'

const file = process.argv[2] ?? '.vitest/results.json'
let report
try {
  report = JSON.parse(readFileSync(file, 'utf8'))
} catch (error) {
  console.error(`no test report at ${file}: ${error.message}`)
  process.exit(1)
}
const skipped = report.numPendingTests + report.numTodoTests
for (const suite of report.testResults) {
  for (const test of suite.assertionResults) {
    if (test.status === 'pending' || test.status === 'skipped' || test.status === 'todo')
      console.log(`skipped: ${test.fullName}`)
  }
}
// A suite that could not even be loaded counts as one failure.
const unloaded = report.testResults.filter(
  (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
).length
const failed = report.numFailedTests + unloaded
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed === 0 && report.numPassedTests > 0 ? 0 : 1)
