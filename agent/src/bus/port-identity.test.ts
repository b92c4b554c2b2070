import { describe, expect, it } from 'vitest'
import { findPort } from './port-identity.js'

const ch340 = { vendorId: '1a86', productId: '7523' }
const ftdi = (serialNumber: string) => ({ vendorId: '0403', productId: '6001', serialNumber })

describe('an adapter that comes back under another name', () => {
  it('is found by vendor, product and serial number', () => {
    const ports = [
      { path: '/dev/ttyUSB1', ...ftdi('A10K') },
      { path: '/dev/ttyUSB2', ...ftdi('B20K') },
    ]
    expect(findPort(ports, ftdi('B20K'))).toBe('/dev/ttyUSB2')
    expect(findPort(ports, ftdi('C30K'))).toBeUndefined()
  })

  it('without a serial number is found only if no other of its kind is plugged in', () => {
    const identity = { ...ch340, serialNumber: undefined }
    expect(findPort([{ path: '/dev/ttyUSB1', ...ch340 }], identity)).toBe('/dev/ttyUSB1')
    const twins = [
      { path: '/dev/ttyUSB1', ...ch340 },
      { path: '/dev/ttyUSB3', ...ch340 },
    ]
    expect(findPort(twins, identity)).toBeUndefined()
  })

  it('is not taken for a port that is none of USB', () => {
    expect(findPort([{ path: '/dev/ttyS0' }], { ...ch340, serialNumber: undefined })).toBeUndefined()
  })
})
