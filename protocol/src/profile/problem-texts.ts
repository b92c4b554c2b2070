import type { Words } from '../words.js'

/** What is wrong with a profile beyond its schema. */
export const PROBLEMS = {
  readTwice: (first: string): Words => ({ zh: `${first} 已经读这个量`, en: `already read by ${first}` }),
  primaryHasRatio: { zh: 'values_are 说数值已是一次侧的', en: 'the profile says its values are primary' },
  wrongRatio: (quantity: string, unit: string): Words => ({
    zh: `不适用于 ${quantity}（单位 ${unit}）`,
    en: `does not apply to ${quantity} in ${unit}`,
  }),
  noRatio: { zh: '没有一项写了 ratio', en: 'no item has a ratio' },
  pastEnd: { zh: '超出了地址 65535', en: 'runs over address 65535' },
  tooLarge: (size: number, most: number): Words => ({
    zh: `占 ${size} 个寄存器，一次请求最多 ${most} 个`,
    en: `takes ${size} registers, one request may ask for ${most}`,
  }),
  moreThanAnAnswer: { zh: '一次应答最多 125 个寄存器', en: 'one answer holds 125 registers at most' },
  odd: (size: number): Words => ({
    zh: `alignment 为 even，而这里从奇数地址读，或读的个数（${size}）是奇数`,
    en: `alignment is even, but this reads ${size} from an odd place or an odd count`,
  }),
  bitOrRegister: {
    zh: '位用功能码 1 和 2 读，寄存器用 3 和 4 读',
    en: 'bits come by functions 1 and 2, registers by 3 and 4',
  },
  noDigits: {
    zh: '浮点数和带比例因子的整数本身没有小数位数',
    en: 'floats and scaled integers have no digits of their own',
  },
  factorTooFar: { zh: '离得太远，一次请求读不到', en: 'too far away to be read in one request' },
  markWidth: (type: string, digits: number): Words => ({
    zh: `${type} 有 ${digits} 位十六进制数字`,
    en: `a ${type} has ${digits} hex digits`,
  }),
  overlaps: (other: string, end: number): Words => ({
    zh: `与 ${other} 重叠，后者到 ${end} 为止`,
    en: `overlaps ${other}, which ends at ${end}`,
  }),
  overlapsIn: (other: string, di: string): Words => ({
    zh: `在 ${di} 中与 ${other} 重叠`,
    en: `overlaps ${other} in ${di}`,
  }),
  slowerThanMax: (max: number): Words => ({
    zh: `比 turnaround_ms.max（${max}）还大`,
    en: `is more than turnaround_ms.max (${max})`,
  }),
  endsFirst: { zh: '终点在起点之前', en: 'ends before it starts' },
  forbidden: (range: string, why: string): Words => ({
    zh: `落在 ${range} 内（${why}）`,
    en: `lies in ${range} (${why})`,
  }),
  scaleZero: { zh: '是零，或数字太长', en: 'is zero or too long' },
  scaleOfFloat: { zh: '浮点数只能乘 10 的幂', en: 'a float may be scaled by a power of ten only' },
  scaleOfPulses: { zh: '脉冲只能是整数', en: 'pulses are counted whole' },
  noCounter: (quantity: string): Words => ({ zh: `${quantity} 不是计数器`, en: `${quantity} is no counter` }),
  neverSoFar: { zh: '是零，或这个类型数不到那么大', en: 'is zero, or more than the type ever counts to' },
  diOf1997: { zh: '1997 版的数据标识只有两个字节', en: 'identifiers of 1997 have two bytes' },
  unitOfDi: (di: string, unit: string, not: string): Words => ({
    zh: `${di} 的单位是 ${unit}，不是 ${not}`,
    en: `${di} is in ${unit}, not ${not}`,
  }),
  widthOfDi: (di: string, bytes: number): Words => ({
    zh: `${di} 每个值 ${bytes} 个字节`,
    en: `${di} has ${bytes} bytes a value`,
  }),
  oneValue: (di: string): Words => ({ zh: `${di} 只有一个值`, en: `${di} holds one value only` }),
  offsetOfDi: (di: string, bytes: number, most: number): Words => ({
    zh: `${di} 的值从 0、${bytes}…${(most - 1) * bytes} 开始`,
    en: `the values of ${di} begin at 0, ${bytes} … ${(most - 1) * bytes}`,
  }),
  countOfType: (type: string, size: number): Words => ({
    zh: `${type} 占 ${size} 个寄存器`,
    en: `a ${type} takes ${size} ${size === 1 ? 'register' : 'registers'}`,
  }),
  bytesOfCount: (count: number, digits: number): Words => ({
    zh: `读 ${count} 个得到 ${digits} 位十六进制数字`,
    en: `a read of ${count} gives ${digits} hex digits`,
  }),
  noRegister: { zh: '变比不会在位里', en: 'a ratio is no bit' },
} as const

/** What to do about it. */
export const REMEDIES = {
  most125: { zh: '写 1 到 125 的整数，以手册为准', en: 'write a whole number from 1 to 125, as the manual says' },
  keepOne: { zh: '两项只留一项', en: 'keep one of the two items' },
  removeRatio: {
    zh: '删去 ratio，或写 values_are: secondary',
    en: 'remove the ratio, or set values_are: secondary',
  },
  oneOf: (ratios: readonly string[]): Words =>
    ratios.length === 1
      ? { zh: '删去 ratio', en: 'remove the ratio' }
      : { zh: `写 ${ratios.join('、')} 之一`, en: `use one of ${ratios.join(', ')}` },
  addRatio: {
    zh: '在不含变比的各项写 ratio: ct、pt 或 ct_pt',
    en: 'set ratio: ct, pt or ct_pt on the items that leave it out',
  },
  addressAndType: { zh: '检查 address 和 type', en: 'check address and type' },
  raiseOrChange: { zh: '把 max_registers 改大，或改 type', en: 'raise max_registers or change the type' },
  addressOrAlignment: { zh: '检查 address，或写 alignment: none', en: 'check the address, or set alignment: none' },
  functionOrType: { zh: '让 function 与 type 一致', en: 'set function or type to match' },
  addExponent: { zh: '加上 exponent，例如 -1 表示一位小数', en: 'add exponent, e.g. -1 for tenths' },
  address: { zh: '检查 address', en: 'check the address' },
  wholeMark: { zh: '写出整个值，高字在前', en: 'write the whole value, high word first' },
  bothAddresses: { zh: '检查两项的 address 和 type', en: 'check address and type of both' },
  bothOffsets: { zh: '检查两项的 offset 和 bytes', en: 'check offset and bytes of both' },
  swap: { zh: '把 from 和 to 对调', en: 'swap from and to' },
  moveOrNarrow: { zh: '改这一项的地址，或缩小禁读范围', en: 'move the item or narrow the range' },
  decimal: { zh: '写小数，例如 "0.01"', en: 'write a decimal such as "0.01"' },
  powerOfTen: { zh: '写 "0.1"、"1000" 这样的数', en: 'use "0.1", "1000", …' },
  scaleOne: { zh: '写 scale: "1"', en: 'use scale "1"' },
  removeModulus: { zh: '删去 modulus', en: 'remove modulus' },
  rawModulus: {
    zh: '写计数器从头数起时的原始值',
    en: 'write the raw value after which it starts at 0',
  },
  eightDigits: {
    zh: '写成 0000 加四位数字，例如 00009010',
    en: 'write them as 0000 and four digits, e.g. 00009010',
  },
  noOffset: {
    zh: '删去 offset，或写数据块的标识，例如 0201ff00',
    en: 'remove offset, or write the identifier of a block, e.g. 0201ff00',
  },
  offset: { zh: '检查 offset（从 0 起的字节）', en: 'check offset, in bytes from 0' },
  count: { zh: '让 count 与 type 一致', en: 'set count or type to match' },
  hexOfCount: { zh: '写出整个应答，或改 count', en: 'write the whole answer, or change count' },
  swapTimes: { zh: '把 typical 和 max 对调', en: 'swap typical and max' },
  swapLimits: { zh: '把 min 和 max 对调', en: 'swap min and max' },
  registerType: { zh: '写 u16、u32 或 f32 等', en: 'write u16, u32, f32 or another register type' },
  lowerCount: { zh: '改小 count，或改大 max_registers', en: 'lower count or raise max_registers' },
  identifier: { zh: '检查数据标识', en: 'check the identifier' },
} as const
