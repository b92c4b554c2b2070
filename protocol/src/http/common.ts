import { z } from 'zod'

/** What people write and read: labels, versions, names of profiles. */
export const shortText = z.string().max(80)
/** The name of a gateway. */
export const label = z.string().min(1).max(80)
