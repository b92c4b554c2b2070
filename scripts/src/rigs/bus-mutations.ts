import { type Random, randomInt, withCrc } from '@metergate/protocol'
import type { RigProtocol } from './bus-truth.js'

/** Spoils a right answer. `request`: the question, whose transaction id a Modbus TCP answer repeats. */
export interface Mutation {
  readonly name: string
  spoil(answer: readonly number[], random: Random, request: Uint8Array): number[]
}

type Spoil = Mutation['spoil']

const spliced: Spoil = (bytes, random) => {
  const at = randomInt(random, bytes.length + 1)
  const removed = randomInt(random, 4)
  const added = Array.from(random.bytes(1 + randomInt(random, 4)))
  return [...bytes.slice(0, at), ...added, ...bytes.slice(at + removed)]
}

const flipped: Spoil = (bytes, random) => {
  const copy = [...bytes]
  const flips = 1 + randomInt(random, 5)
  for (let i = 0; i < flips; i += 1) {
    const at = randomInt(random, copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << randomInt(random, 8))
  }
  return copy
}

const noise = (random: Random, most: number): number[] => Array.from(random.bytes(1 + randomInt(random, most)))

/** The 8-bit sum of DL/T 645 over what is there now, from the first 68H on. */
function withSum(bytes: readonly number[]): number[] {
  const start = Math.max(0, bytes.indexOf(0x68))
  const body = bytes.slice(0, -2)
  return [...body, body.slice(start).reduce((sum, byte) => (sum + byte) & 0xff, 0), 0x16]
}

/** The one mutation that the check of a protocol is made to pass. */
export const RIGHT_CHECK = 'a right check over flipped bits'

/** What no meter should ever say: each kind has found, or could find, a parser that trusts its input. */
function serialMutations(rightCheck: (bytes: readonly number[]) => number[]): readonly Mutation[] {
  return [
    { name: 'flipped bits', spoil: flipped },
    { name: 'bytes replaced, lost or added', spoil: spliced },
    { name: 'the end missing', spoil: (bytes, random) => bytes.slice(0, randomInt(random, bytes.length)) },
    { name: 'the beginning missing', spoil: (bytes, random) => bytes.slice(randomInt(random, bytes.length)) },
    { name: 'twice', spoil: (bytes) => [...bytes, ...bytes] },
    { name: 'noise', spoil: (_, random) => noise(random, 300) },
    {
      name: 'lengths that promise more than comes',
      spoil: (bytes, random) =>
        bytes.map((byte, index) =>
          index === 2 || index === 9 || index === 13 ? 0xff : byte ^ (random.next() < 0.01 ? 1 : 0),
        ),
    },
    {
      name: 'beginnings of frames, over and over',
      spoil: (_, random) =>
        Array.from(
          { length: 1 + randomInt(random, 400) },
          () => [0x68, 0xfe, 0x16, 0x01, 0x03][randomInt(random, 5)] ?? 0,
        ),
    },
    {
      name: RIGHT_CHECK,
      spoil: (bytes, random, request) => rightCheck(flipped(bytes, random, request)),
    },
    {
      name: 'flipped bits and bytes replaced',
      spoil: (bytes, random, request) => spliced(flipped(bytes, random, request), random, request),
    },
  ]
}

const word = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
/** The header's fields replaced: transaction, protocol, length. */
const withHeader = (bytes: readonly number[], at: 0 | 2 | 4, value: number): number[] => [
  ...bytes.slice(0, at),
  ...word(value),
  ...bytes.slice(at + 2),
]
const transactionOf = (bytes: readonly number[]): number => ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
const older = (bytes: readonly number[], random: Random): number[] =>
  withHeader(bytes, 0, transactionOf(bytes) - 1 - randomInt(random, 3))
const otherByte = (bytes: readonly number[], at: number, random: Random): number[] =>
  bytes.map((byte, index) => (index === at ? byte ^ (1 + randomInt(random, 255)) : byte))

/** Leaves the answer whole: a right reader reads it. */
export const INTACT = ['in single bytes', 'behind an older answer in one segment'] as const

/** Modbus TCP has no check: everything hangs on transaction, protocol, length, unit, function and byte count. */
const TCP_MUTATIONS: readonly Mutation[] = [
  { name: INTACT[0], spoil: (bytes) => [...bytes] },
  { name: INTACT[1], spoil: (bytes, random) => [...older(spliceData(bytes, random), random), ...bytes] },
  { name: 'an older transaction', spoil: (bytes, random) => older(spliceData(bytes, random), random) },
  {
    name: 'any transaction',
    spoil: (bytes, random) => withHeader(spliceData(bytes, random), 0, randomInt(random, 0x10000)),
  },
  { name: 'another protocol', spoil: (bytes, random) => withHeader(bytes, 2, 1 + randomInt(random, 0xffff)) },
  { name: 'any length', spoil: (bytes, random) => withHeader(bytes, 4, randomInt(random, 0x10000)) },
  {
    name: 'a length that is a little wrong',
    spoil: (bytes, random) => withHeader(bytes, 4, Math.max(0, bytes.length - 6 + randomInt(random, 7) - 3)),
  },
  { name: 'another unit', spoil: (bytes, random) => otherByte(bytes, 6, random) },
  { name: 'another function', spoil: (bytes, random) => otherByte(bytes, 7, random) },
  { name: 'another byte count', spoil: (bytes, random) => otherByte(bytes, 8, random) },
  { name: 'the end missing', spoil: (bytes, random) => bytes.slice(0, randomInt(random, bytes.length)) },
  { name: 'the beginning missing', spoil: (bytes, random) => bytes.slice(randomInt(random, bytes.length)) },
  { name: 'twice', spoil: (bytes) => [...bytes, ...bytes] },
  { name: 'flipped bits', spoil: flipped },
  { name: 'bytes replaced, lost or added', spoil: spliced },
  { name: 'noise', spoil: (_, random) => noise(random, 300) },
]

/** Another value of the same shape, so that it shows when it is taken. */
function spliceData(bytes: readonly number[], random: Random): number[] {
  const turn = 1 + randomInt(random, 255)
  return bytes.map((byte, index) => (index >= 9 ? byte ^ turn : byte))
}

export type FuzzProtocol = RigProtocol | 'modbus_tcp'

export const MUTATIONS: Readonly<Record<FuzzProtocol, readonly Mutation[]>> = {
  modbus: serialMutations((bytes) => [...withCrc(Uint8Array.from(bytes.slice(0, -2)))]),
  dlt645: serialMutations(withSum),
  modbus_tcp: TCP_MUTATIONS,
}
