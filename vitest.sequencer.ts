import { BaseSequencer, type TestSpecification } from 'vitest/node'

const isRig = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/scripts/src/rigs/')

/**
 * The rigs first: they take minutes of mostly waiting. On a fresh clone vitest would begin with the largest files, which leaves the
 * small files of the rigs to the end, one core idle beside them.
 */
export class RigsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [...sorted.filter(isRig), ...sorted.filter((file) => !isRig(file))]
  }
}
