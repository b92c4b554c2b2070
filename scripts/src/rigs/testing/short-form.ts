import { expect, type TestContext } from 'vitest'
import { runRig } from '../run-rig.js'

/**
 * Runs rigs in their short form, one after the other, and asks that each found nothing, or, a control, its planted mistake. What the
 * machine cannot run is skipped with the rig's own words, after the others have been judged.
 */
export async function shortForm({ skip }: Pick<TestContext, 'skip'>, ...names: readonly string[]): Promise<void> {
  const lacking: string[] = []
  for (const name of names) {
    const { line, words } = await runRig(name, false)
    if (line?.skipped !== undefined) lacking.push(`${name} ${line.skipped}`)
    else expect({ ...line, words }).toMatchObject({ rig: name, good: true, words: '' })
  }
  skip(lacking.length > 0, lacking.join('; '))
}
