/**
 * What `revocation.ts` starts as a node that comes back: the platform with all its modules, the snapshot from its file, and an
 * answer about one serial. Arguments: the folder, and in hexadecimal the seal key, the issuing key and the serial.
 */
import { openSnapshotFiles } from '@sekisho/platform'

const [path = '', ...encoded] = process.argv.slice(2)
const [sealKey, spki, serial] = encoded.map(hex => new Uint8Array(Buffer.from(hex, 'hex')))
if (sealKey === undefined || spki === undefined || serial === undefined) {
  throw new Error('a folder, a seal key, an issuing key and a serial are needed')
}
const found = await openSnapshotFiles({ path, sealKey })
const at = found?.index.partitions[0]?.thisUpdate ?? 0
console.log(found?.index.lookupSerial(spki, serial, at).state)
