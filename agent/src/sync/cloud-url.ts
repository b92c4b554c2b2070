import { fail, ok, type Result } from '@metergate/protocol'

/** Where the cloud is; made only by {@link parseCloudUrl}, so that nothing is ever sent in the clear over a network. */
export type CloudUrl = string & { readonly __brand: 'CloudUrl' }

export type CloudUrlFault = { readonly kind: 'bad_url' | 'plain_http'; readonly why: string }

/** Takes `https://…`, and `http://` only to this machine. No user name, query or fragment; a path is kept. */
export function parseCloudUrl(text: string): Result<CloudUrl, CloudUrlFault> {
  if (!URL.canParse(text))
    return fail({ kind: 'bad_url', why: `"${text}" is no address: write https://cloud.example.com` })
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return fail({ kind: 'bad_url', why: `"${text}" is not http or https: write https://…` })
  }
  if (url.username || url.password || url.search || url.hash) {
    return fail({ kind: 'bad_url', why: `"${text}" must have no user name, query or fragment` })
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return fail({
      kind: 'plain_http',
      why: `"${text}" would send readings in the clear: use https:// (http:// only to localhost)`,
    })
  }
  const trimmed = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  return isCloudUrl(trimmed) ? ok(trimmed) : fail({ kind: 'bad_url', why: `"${text}" is no address` })
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
const isCloudUrl = (text: string): text is CloudUrl => /^https?:\/\//.test(text)
