import type { Localized } from './localized.js'

const INVITE = 'metergate-cloud gateway invite --name <name>'

/** What `metergate enrol` says; each failure with what to do. `code` and `cloud` as they were given. */
export const ENROL = {
  enrolled: (gateway: string, name: string): Localized => ({
    zh: `已注册：${gateway}（${name}）`,
    en: `enrolled as ${gateway} (${name})`,
  }),
  restart: {
    zh: '采集程序正在运行：请重启 metergate run，之后才开始上传',
    en: 'the gateway is running: restart metergate run, uploading begins then',
  },
  start: { zh: '下一步：metergate run', en: 'next: metergate run' },
  otherCloud: (given: string, configured: string): Localized => ({
    zh: `--cloud ${given} 与配置中的 sync.cloud ${configured} 不一致：去掉 --cloud，或先改配置；注册码尚未使用`,
    en: `--cloud ${given} is not the sync.cloud of the configuration, ${configured}: leave out --cloud, or change the configuration first; the code was not used`,
  }),
  notACode: (code: string): Localized => ({
    zh: `"${code}" 不是注册码：照平台给出的抄写，形如 7KZ0M-4ABCD-…；新码用 ${INVITE} 生成`,
    en: `"${code}" is no enrolment code: copy it as the cloud gave it, like 7KZ0M-4ABCD-…; a new one comes from ${INVITE}`,
  }),
  unknownCode: (code: string, cloud: string): Localized => ({
    zh: `平台 ${cloud} 不认识注册码 "${code}"：检查是否抄错、平台地址是否正确，或用 ${INVITE} 生成新码`,
    en: `${cloud} does not know the code "${code}": check it for typing errors and the address of the cloud, or get a new one with ${INVITE}`,
  }),
  usedCode: (code: string, cloud: string): Localized => ({
    zh: `注册码 "${code}" 已在平台 ${cloud} 上用于另一台网关，一码只用一次：用 ${INVITE} 生成新码`,
    en: `the code "${code}" was used at ${cloud} by another gateway, and is good for one only: get a new one with ${INVITE}`,
  }),
  expiredCode: (code: string, cloud: string): Localized => ({
    zh: `注册码 "${code}" 在平台 ${cloud} 上已过期（24 小时有效）：用 ${INVITE} 生成新码`,
    en: `the code "${code}" has expired at ${cloud} (it is good for 24 hours): get a new one with ${INVITE}`,
  }),
  knownKey: (cloud: string, folder: string): Localized => ({
    zh: `本机密钥在平台 ${cloud} 上已用另一编号注册，注册码仍有效：若确要重新注册，把 ${folder} 中的 gateway.key 与 identity.json 移走，再执行一次`,
    en: `the key of this box is already enrolled at ${cloud} under another id, and the code is still good: to enrol anew, move gateway.key and identity.json out of ${folder} and run this again`,
  }),
  tooMany: (cloud: string): Localized => ({
    zh: `错误的注册码试得太多，平台 ${cloud} 暂不受理：十分钟后再试`,
    en: `too many wrong codes, ${cloud} takes no more for now: try again in ten minutes`,
  }),
  unreachable: (cloud: string, why: string): Localized => ({
    zh: `连不上平台 ${cloud}（${why}）：检查网络、地址与端口、防火墙，以及平台是否在运行；注册码仍可用，恢复后再执行一次`,
    en: `${cloud} cannot be reached (${why}): check the network, address and port, the firewall, and that the cloud is running; the code is still good, run this again then`,
  }),
  busy: (cloud: string, status: number): Localized => ({
    zh: `平台 ${cloud} 暂时无法处理（HTTP ${status}）：几分钟后用同一注册码再试`,
    en: `${cloud} cannot do it now (HTTP ${status}): try again with the same code in a few minutes`,
  }),
  notACloud: (cloud: string, why: string): Localized => ({
    zh: `${cloud} 的应答不像 metergate 平台（${why}）：检查平台地址；中间是否有代理或上网认证页`,
    en: `${cloud} does not answer like a metergate cloud (${why}): check the address, and whether a proxy or a login page is in between`,
  }),
  refused: (cloud: string, why: string): Localized => ({
    zh: `平台 ${cloud} 拒绝注册（${why}）：检查注册码与平台地址，或联系平台管理员`,
    en: `${cloud} refuses (${why}): check the code and the address, or ask whoever runs the cloud`,
  }),
  folder: (folder: string, why: string): Localized => ({
    zh: `数据文件夹 ${folder} 无法写入（${why}）：用运行采集程序的用户执行，或修正其所有者与权限，或改 store.folder；之后用同一注册码再执行一次`,
    en: `the data folder ${folder} cannot be written (${why}): run this as the user the gateway runs as, correct its owner and permissions, or change store.folder; then run this again with the same code`,
  }),
  key: (folder: string, why: string): Localized => ({
    zh: `${folder} 中的网关密钥无法使用（${why}）：修正其权限；若已损坏，移走 gateway.key 后重新注册`,
    en: `the gateway's key in ${folder} cannot be used (${why}): correct its permissions; if it is damaged, move gateway.key away and enrol anew`,
  }),
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>
