/**
 * The Content-Type a JSON body must have, to the letter: no leading blank, no tab, no other charset. Lenient parsing
 * here has let bodies slip past validation in more than one server.
 */
const JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i

/** Reads the raw header pairs, since the parsed object joins and trims what was sent. */
export function isPlainJson(rawHeaders: readonly string[], parsed: string | undefined): boolean {
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'content-type') seen += 1
  }
  return seen <= 1 && parsed !== undefined && JSON_TYPE.test(parsed)
}
