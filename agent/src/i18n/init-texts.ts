import type { Localized } from './localized.js'

/** What `metergate init` asks and answers. */
export const INIT = {
  askPlant: { zh: '工厂名称', en: 'Name of the plant' },
  askPort: {
    zh: '总线端口（串口，或 rtu_over_tcp 主机:端口）',
    en: 'Port of the line (serial, or rtu_over_tcp host:port)',
  },
  askBaud: { zh: '波特率', en: 'Baud rate' },
  askFormat: { zh: '数据格式', en: 'Character format' },
  askMeterId: { zh: '电表 id（直接回车结束）', en: 'Meter id (Enter when done)' },
  askProfile: { zh: '型号（? 列出全部）', en: 'Model (? lists them)' },
  askUnit: { zh: '从站地址', en: 'Unit id' },
  askAddress: { zh: '表号（12 位）', en: 'Meter address (12 digits)' },
  askCt: { zh: 'CT 变比（如 200/5，直接接入写 1）', en: 'CT ratio (200/5; 1 when connected directly)' },
  askProductId: { zh: '产品 id（直接回车跳过）', en: 'Product id (Enter to skip)' },
  askProductUnit: {
    zh: '计量单位（pair 双、piece 件、kg 公斤，或其他）',
    en: 'Counted in (pair, piece, kg, or another)',
  },
  askCounter: { zh: '计数的表', en: 'Meter that counts it' },
  askPieces: { zh: '每个脉冲的件数', en: 'Pieces per pulse' },
  askEnergy: (product: string, meters: readonly string[]): Localized => ({
    zh: `哪些表的用电算到 ${product}？可用 ${meters.join('、')}，多块用 + 连接；总表与其分表不要同写，否则重复计算`,
    en: `Whose energy makes ${product}? Known: ${meters.join(', ')}; join several with +; never a main meter and its sub meters together, that counts twice`,
  }),
  askCloud: { zh: '平台地址（直接回车则不上传）', en: 'Address of the cloud (Enter for none)' },
  askOverwrite: (file: string): Localized => ({
    zh: `${file} 已存在。覆盖？(y/N)`,
    en: `${file} exists. Overwrite it? (y/N)`,
  }),
  meterTaken: (id: string): Localized => ({
    zh: `电表 ${id} 已经写过：换一个 id`,
    en: `there is a meter ${id} already: give this one another id`,
  }),
  unitTaken: (unit: string, other: string): Localized => ({
    zh: `地址 ${unit} 已由 ${other} 使用：一条总线上每块表的地址必须不同，照电表面板填写`,
    en: `${unit} is the address of ${other}: on one line every meter has its own; write what the meter's panel shows`,
  }),
  energyUnclear: (product: string, meters: readonly string[]): Localized => ({
    zh: `产品 ${product} 的用电来自哪些表不明确（${meters.join('、')}；总表与其分表同写会重复计算）：写 --product id:计数表:单位:每脉冲件数:表+表`,
    en: `it is not clear whose energy makes ${product} (${meters.join(', ')}; a main meter and its sub meters together count twice): write --product id:counter-meter:unit:pieces:meter+meter`,
  }),
  notWritable: (file: string, why: string): Localized => ({
    zh: `无法写入 ${file}（${why}）：换一个可写的位置（--config 文件），或修正文件夹的所有者与权限，或加 sudo`,
    en: `${file} cannot be written (${why}): choose a place you may write (--config FILE), correct the owner and permissions of the folder, or use sudo`,
  }),
  written: (file: string): Localized => ({
    zh: `已写入 ${file}。下一步：metergate config check，然后 metergate run`,
    en: `wrote ${file}. Next: metergate config check, then metergate run`,
  }),
  writtenWithCloud: (file: string): Localized => ({
    zh: `已写入 ${file}。下一步：metergate config check，然后 metergate enrol 注册码（由平台给出），再 metergate run`,
    en: `wrote ${file}. Next: metergate config check, then metergate enrol CODE (the cloud gives it), then metergate run`,
  }),
  notWritten: {
    zh: '按这些内容生成的配置有误，未写入',
    en: 'a configuration with these answers would be wrong; nothing was written',
  },
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>
