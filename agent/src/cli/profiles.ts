import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { type MeterProfile, type ModbusItem, quantity } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles, namesOf } from '@metergate/protocol/profiles'
import { Command } from 'commander'
import { settingsText } from '../bus/line-port.js'
import { issueText } from '../config/issue.js'
import { nearest } from '../config/nearest.js'
import { isProfileName, readProfileFile } from '../config/profiles.js'
import { CLI } from '../i18n/cli-texts.js'
import { same } from '../i18n/localized.js'
import type { CliContext } from './context.js'
import { type Cell, facts, table } from './table.js'

/** `metergate profiles list|show|check`: the meter models, shipped and own. */
export function profilesCommand(cli: CliContext): Command {
  const { terminal } = cli
  const json = ['--json', terminal.say(CLI.optJson)] as const
  const list = new Command('list')
    .description(terminal.say(CLI.cmdProfilesList))
    .option(...json)
    .action((options: { json?: boolean }) => {
      const profiles = knownProfiles(cli)
      if (options.json) terminal.json(profiles)
      else terminal.print(profileTable(cli, profiles))
    })
  const show = new Command('show')
    .description(terminal.say(CLI.cmdProfilesShow))
    .argument('<model>', terminal.say(CLI.argProfile))
    .option(...json)
    .action((name: string, options: { json?: boolean }) => {
      const profiles = knownProfiles(cli)
      const profile =
        findProfile(name, profiles) ?? cli.fail(CLI.unknownProfile(name, similarModels(name, profiles)), 2)
      if (options.json) terminal.json(profile)
      else printProfile(cli, profile)
    })
  const check = new Command('check')
    .description(terminal.say(CLI.cmdProfilesCheck))
    .argument('<file>', terminal.say(CLI.argFile))
    .action((file: string) => {
      const read = readProfileFile(file)
      if (read.ok) return sayGood(cli, file, read.value)
      const [last, ...others] = read.fault.issues.map((issue) => issueText(issue, cli.language)).reverse()
      for (const problem of others.reverse()) terminal.error(problem)
      return cli.fail(same(last ?? file), 2)
    })
  return new Command('profiles')
    .description(terminal.say(CLI.cmdProfiles))
    .addCommand(list)
    .addCommand(show)
    .addCommand(check)
}

function sayGood({ terminal }: CliContext, file: string, profile: MeterProfile): void {
  const { id, items } = profile
  terminal.line(CLI.profileGood(id, items.length))
  if (looksNumbered(profile)) terminal.line(CLI.profileNumbers)
  if (loadBuiltinProfiles().some((shipped) => shipped.id === id)) terminal.line(CLI.profileReplaces(id))
  if (!isProfileName(file)) terminal.line(CLI.profileName(basename(file)))
}

/**
 * Manuals often number registers from 40001 (holding) or 30001 (input), which is no address: Modbus Application Protocol V1.1b3,
 * chapter 4.4, leaves that mapping to the maker. Some meters do use such addresses, so it is only said.
 */
function looksNumbered(profile: MeterProfile): boolean {
  if (profile.protocol !== 'modbus' || profile.sunspec) return false
  const isNumber = ({ address, function: fn = profile.read_function }: ModbusItem): boolean => {
    const first = fn === 3 ? 40_001 : 30_001
    return fn >= 3 && address >= first && address < first + 9_999
  }
  return profile.items.every(isNumber)
}

/** The shipped models, and the technician's own when there is a configuration that names their folder. */
function knownProfiles(cli: CliContext): readonly MeterProfile[] {
  return existsSync(cli.configFile()) ? cli.load().profiles : loadBuiltinProfiles()
}

/** Ids of the models whose name, alias or label looks like `name`, at most three. */
export function similarModels(name: string, profiles: readonly MeterProfile[]): string[] {
  const names = new Map(profiles.flatMap((profile) => namesOf(profile).map((known) => [known, profile.id] as const)))
  return [...new Set(nearest(name, [...names.keys()], 6).map((known) => names.get(known) ?? known))].slice(0, 3)
}

export function profileTable({ terminal, language }: CliContext, profiles: readonly MeterProfile[]): string {
  const titles = [CLI.model, CLI.label, CLI.manufacturer, CLI.protocol, CLI.baud, CLI.state]
  const rows = profiles.map((profile): Cell[] => [
    profile.id,
    profile.title[language],
    profile.manufacturer,
    profile.protocol === 'dlt645' ? 'DL/T 645' : 'Modbus',
    settingsText(profile.serial),
    profile.unverified === undefined ? '' : { text: terminal.say(CLI.unverified), paint: 'warn' },
  ])
  return table(
    titles.map((title) => ({ title: terminal.say(title) })),
    rows,
    terminal.paint,
  )
}

function printProfile(cli: CliContext, profile: MeterProfile): void {
  const { terminal, language } = cli
  terminal.print(
    facts(
      [
        [terminal.say(CLI.model), profile.id],
        [terminal.say(CLI.label), profile.title[language]],
        [terminal.say(CLI.manufacturer), `${profile.manufacturer}: ${profile.models.join(', ')}`],
        [terminal.say(CLI.baud), settingsText(profile.serial)],
        ...(profile.unverified
          ? [[terminal.say(CLI.unverified), { text: profile.unverified, paint: 'warn' }] as const]
          : []),
      ],
      terminal.paint,
    ),
  )
  for (const quirk of profile.quirks) terminal.line(`- ${quirk[language]}`)
  const titles = [CLI.quantity, CLI.register, CLI.type, CLI.scale, CLI.unit].map((title) => ({
    title: terminal.say(title),
  }))
  terminal.print(`\n${table([...titles, { title: '' }], itemRows(cli, profile), terminal.paint)}`)
}

function itemRows({ terminal }: CliContext, profile: MeterProfile): Cell[][] {
  const remark = ({ note, unverified }: MeterProfile['items'][number]): Cell =>
    unverified === undefined ? (note ?? '') : { text: `${terminal.say(CLI.unverified)}: ${unverified}`, paint: 'warn' }
  if (profile.protocol === 'dlt645')
    return profile.items.map((item) => [
      item.quantity,
      item.di,
      `${item.bytes} B`,
      item.scale,
      quantity(item.quantity).unit,
      remark(item),
    ])
  return profile.items.map((item) => {
    const address = `${item.function ?? profile.read_function}:0x${item.address.toString(16).padStart(4, '0')}`
    return [item.quantity, address, item.type, item.scale, quantity(item.quantity).unit, remark(item)]
  })
}
