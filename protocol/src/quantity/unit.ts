/** Units a quantity may have; amounts are always in exactly this unit. */
export type Unit = 'V' | 'A' | 'W' | 'var' | 'VA' | 'kWh' | 'kvarh' | 'kVAh' | 'Hz' | '1' | '%' | '°' | 'Ah' | 'pulse'
