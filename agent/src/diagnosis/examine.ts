import type { LineSettings } from '../bus/line-port.js'
import { type Diagnosis, type DoctorParts, type DoctorSubject, Examination, LISTEN_MS } from './examination.js'

export type { Diagnosis, DoctorParts, DoctorSubject } from './examination.js'

export type DoctorEvent =
  | { readonly kind: 'listening'; readonly seconds: number }
  | { readonly kind: 'asking' | 'reading'; readonly unit: string }
  | { readonly kind: 'trying'; readonly unit: string; readonly settings: LineSettings }
  | { readonly kind: 'done'; readonly diagnosis: Diagnosis }

/**
 * Listens to a line, asks its units, tries other settings for those that stay silent, and looks at the values of the others. Only
 * reads. Yields what it is doing; the last event is `done`. Takes some 6 s a unit.
 */
export async function* examineLine(subject: DoctorSubject, parts: DoctorParts): AsyncGenerator<DoctorEvent, Diagnosis> {
  const begun = parts.clock.mono()
  const examination = new Examination(subject, parts)
  try {
    yield* asked(subject, examination)
  } finally {
    // Broken off, too: an open line would hold the port, and the program with it.
    await examination.close()
  }
  const diagnosis = examination.diagnosis(Math.round(parts.clock.mono() - begun))
  yield { kind: 'done', diagnosis }
  return diagnosis
}

async function* asked(subject: DoctorSubject, examination: Examination): AsyncGenerator<DoctorEvent, void> {
  yield { kind: 'listening', seconds: LISTEN_MS / 1000 }
  await examination.listen()
  for (const unit of subject.units) {
    yield { kind: 'asking', unit: unit.name }
    await examination.ask(unit)
    if (examination.isDown) break
  }
  await examination.hearOut()
  for (const trials of [() => examination.otherSettings(), () => examination.settingsFound()]) {
    for (const { unit, settings } of trials()) {
      if (examination.isFound(unit)) continue
      yield { kind: 'trying', unit: unit.name, settings }
      await examination.tryAt(unit, settings)
    }
  }
  for (const unit of examination.answering()) {
    yield { kind: 'reading', unit: unit.name }
    await examination.look(unit)
  }
}
