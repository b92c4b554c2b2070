import { configureGlobal } from 'fast-check'

/**
 * Property tests take the same road on every machine, so that a red run is a change's fault and can be repeated.
 * METERGATE_SEED=random (or a number) sends them elsewhere; what they find there becomes a case of its own.
 */
const FIXED_SEED = 20_261_126
const asked = process.env.METERGATE_SEED
if (asked !== 'random') configureGlobal({ seed: asked === undefined ? FIXED_SEED : Number(asked) })
