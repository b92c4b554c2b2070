/** What the text says in JSON; undefined when it is none, so that a schema refuses it like any other wrong shape. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
